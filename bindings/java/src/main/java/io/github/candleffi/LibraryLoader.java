package io.github.candleffi;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Finds the C library: the file that {@code -Dcandle_ffi.library} names, else the one of the
 * variable {@code CANDLE_FFI_LIBRARY}, else by JNA's search ({@code -Djna.library.path}, then the
 * system's).
 */
final class LibraryLoader {
    static final String PROPERTY = "candle_ffi.library";
    static final String VARIABLE = "CANDLE_FFI_LIBRARY";

    private LibraryLoader() {}

    /** Ties the native methods of a class to the library. */
    static void register(Class<?> natives) {
        if (Native.POINTER_SIZE != 8 || Native.SIZE_T_SIZE != 8) {
            throw new UnsatisfiedLinkError("candle_ffi needs a machine of 64 bits");
        }
        NativeLibrary library = find();
        int version = library.getFunction("candle_ffi_abi_version").invokeInt(new Object[0]);
        if (version < CandleLibrary.CANDLE_FFI_ABI_VERSION) {
            throw new UnsatisfiedLinkError(library.getFile() + " has version " + version
                + " of the ABI, and this package needs " + CandleLibrary.CANDLE_FFI_ABI_VERSION);
        }
        Native.register(natives, library);
    }

    private static NativeLibrary find() {
        String named = System.getProperty(PROPERTY);
        if (named != null) {
            return load(named, "the property " + PROPERTY);
        }
        named = System.getenv(VARIABLE);
        if (named != null) {
            return load(named, "the variable " + VARIABLE);
        }
        try {
            return NativeLibrary.getInstance("candle_ffi");
        } catch (UnsatisfiedLinkError error) {
            throw because("libcandle_ffi was not found: neither the property " + PROPERTY
                + " nor the variable " + VARIABLE
                + " names its file, and it is not in jna.library.path ("
                + System.getProperty("jna.library.path", "not set")
                + ") nor where the system looks", error);
        }
    }

    private static NativeLibrary load(String file, String source) {
        Path path = Path.of(file).toAbsolutePath();
        if (!Files.isRegularFile(path)) {
            throw new UnsatisfiedLinkError("libcandle_ffi was not found: " + source + " names "
                + path
                + ", which is no file");
        }
        try {
            return NativeLibrary.getInstance(path.toString());
        } catch (UnsatisfiedLinkError error) {
            throw because(path + ", which " + source + " names, cannot be loaded", error);
        }
    }

    private static UnsatisfiedLinkError because(String message, Throwable cause) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(message + ": " + cause.getMessage());
        error.initCause(cause);
        return error;
    }
}
