package io.github.candleffi;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tensors by name, in order: the state of a module, the content of a safetensors file. */
public final class TensorMap extends NativeObject {
    /** No tensors. */
    public TensorMap() {
        this(empty());
    }

    TensorMap(long address) {
        super(new MapHandle(address));
        NativeMemory.made(NativeMemory.HANDLE);
    }

    private static final class MapHandle extends Handle {
        MapHandle(long address) {
            super(address, NativeMemory.HANDLE);
        }

        @Override
        String kind() {
            return "tensor map";
        }

        @Override
        void free(long address) {
            CandleLibrary.candle_tensor_map_free(address);
        }
    }

    private static long empty() {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_new(call.out, call.error));
            return call.address();
        }
    }

    /**
     * The tensors of a safetensors file.
     *
     * @param path the file
     * @return the tensors
     * @throws FileFormatException when it is no such file
     */
    public static TensorMap load(String path) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_load(call.text(path), call.out, call.error));
            return new TensorMap(call.address());
        }
    }

    /**
     * Writes a safetensors file.
     *
     * @param path the file
     */
    public void save(String path) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_save(call.use(this), call.text(path),
                call.error));
        }
    }

    /**
     * The number of tensors.
     *
     * @return the number of tensors
     */
    public int size() {
        try (Call call = Call.begin()) {
            return Math.toIntExact(CandleLibrary.candle_tensor_map_len(call.use(this)));
        }
    }

    /**
     * The name at a position.
     *
     * @param index the position
     * @return the name; empty when there is none
     */
    public String name(int index) {
        try (Call call = Call.begin()) {
            long map = call.use(this);
            return call.text((text, capacity) ->
                CandleLibrary.candle_tensor_map_name(map, index, text, capacity));
        }
    }

    /**
     * The names in order.
     *
     * @return the names
     */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        int size = size();
        for (int at = 0; at < size; at++) {
            names.add(name(at));
        }
        return names;
    }

    /**
     * The tensor at a position.
     *
     * @param index the position
     * @return the tensor
     */
    public Tensor at(int index) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_at(call.use(this), index, call.out,
                call.error));
            return call.tensor();
        }
    }

    /**
     * The tensor of a name.
     *
     * @param name the name
     * @return the tensor
     */
    public Tensor get(String name) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_get(
                call.use(this), call.text(name), call.out, call.error));
            return call.tensor();
        }
    }

    /**
     * Adds a tensor, or puts it in the place of the one of its name.
     *
     * @param name the name
     * @param tensor the tensor
     */
    public void insert(String name, Tensor tensor) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_insert(
                call.use(this), call.text(name), call.use(tensor), call.error));
        }
    }

    /**
     * All tensors by name, in order.
     *
     * @return the tensors
     */
    public Map<String, Tensor> toMap() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        int size = size();
        for (int at = 0; at < size; at++) {
            tensors.put(name(at), at(at));
        }
        return tensors;
    }

    /**
     * The metadata of the file.
     *
     * @return key and value of each entry, in order
     */
    public Map<String, String> metadata() {
        Map<String, String> entries = new LinkedHashMap<>();
        try (Call call = Call.begin()) {
            long map = call.use(this);
            long count = CandleLibrary.candle_tensor_map_num_metadata(map);
            for (long at = 0; at < count; at++) {
                long index = at;
                String key = call.text((text, capacity) ->
                    CandleLibrary.candle_tensor_map_metadata_key(map, index, text, capacity));
                entries.put(key, call.text((text, capacity) ->
                    CandleLibrary.candle_tensor_map_metadata_value(map, index, text, capacity)));
            }
        }
        return entries;
    }

    /**
     * Sets an entry of the metadata.
     *
     * @param key the key
     * @param value the value
     */
    public void setMetadata(String key, String value) {
        try (Call call = Call.begin()) {
            call.check(CandleLibrary.candle_tensor_map_set_metadata(
                call.use(this), call.text(key), call.text(value), call.error));
        }
    }
}
