/// @file
/// Errors: a failed call throws a `candle::Error` with everything that the library tells.

#ifndef CANDLE_FFI_ERROR_HPP
#define CANDLE_FFI_ERROR_HPP

#include <candle_ffi/types.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace candle {

/// What an error tells besides its message.
struct ErrorDetails {
    /// The code.
    Status code = Status::error_internal;
    /// The operation that failed, such as "matmul".
    std::string operation = {};
    /// The shapes it was about.
    std::vector<std::vector<std::int64_t>> shapes = {};
    /// The dtypes it was about.
    std::vector<DType> dtypes = {};
    /// The devices it was about.
    std::vector<Device> devices = {};
};

/// A call that failed: its message, and what it was about. Each code has a class of its own below.
class Error : public std::runtime_error {
public:
    /// An error of a message and details.
    explicit Error(const std::string &message, ErrorDetails details = {})
        : std::runtime_error(message),
          details_(std::make_shared<const ErrorDetails>(std::move(details))) {}

    /// The code.
    Status code() const noexcept { return details_->code; }
    /// The operation that failed, such as "matmul".
    const std::string &operation() const noexcept { return details_->operation; }
    /// The shapes it was about.
    const std::vector<std::vector<std::int64_t>> &shapes() const noexcept {
        return details_->shapes;
    }
    /// The dtypes it was about.
    const std::vector<DType> &dtypes() const noexcept { return details_->dtypes; }
    /// The devices it was about.
    const std::vector<Device> &devices() const noexcept { return details_->devices; }

private:
    // Shared, so that copying an exception does not throw.
    std::shared_ptr<const ErrorDetails> details_;
};

/// The error of one code.
template <Status of>
class ErrorOf : public Error {
public:
    using Error::Error;
};

/// An argument outside its domain.
using InvalidArgumentError = ErrorOf<Status::error_invalid_argument>;
/// An empty handle where one must be.
using NullPointerError = ErrorOf<Status::error_null_pointer>;
/// A string that is not UTF-8.
using InvalidUtf8Error = ErrorOf<Status::error_invalid_utf8>;
/// An output buffer that cannot hold the result.
using BufferTooSmallError = ErrorOf<Status::error_buffer_too_small>;
/// An object in exclusive use by another thread.
using BusyError = ErrorOf<Status::error_busy>;
/// A handle of another type.
using InvalidHandleError = ErrorOf<Status::error_invalid_handle>;
/// Shapes that do not fit.
using ShapeError = ErrorOf<Status::error_shape>;
/// A dtype that the operation does not have.
using DTypeError = ErrorOf<Status::error_dtype>;
/// A device that is not there, or two devices in one operation.
using DeviceError = ErrorOf<Status::error_device>;
/// An index or a dimension out of range.
using IndexError = ErrorOf<Status::error_index>;
/// Memory that cannot be had.
using OutOfMemoryError = ErrorOf<Status::error_out_of_memory>;
/// A gradient that cannot be given.
using NoGradientError = ErrorOf<Status::error_no_gradient>;
/// Misuse of the graph: none there, freed already, or an unused input.
using GraphError = ErrorOf<Status::error_graph>;
/// A value needed for a gradient was changed in place.
using InPlaceError = ErrorOf<Status::error_modified_in_place>;
/// Reading or writing a file failed.
using IoError = ErrorOf<Status::error_io>;
/// A file whose content is not what its format demands.
using FileFormatError = ErrorOf<Status::error_file_format>;
/// Weights that do not fit the module.
using StateDictError = ErrorOf<Status::error_state_dict>;
/// A combination that this build does not offer.
using UnsupportedError = ErrorOf<Status::error_unsupported>;
/// A function of the caller, called back, has failed.
using CallbackError = ErrorOf<Status::error_callback>;
/// The backend reported a failure.
using BackendError = ErrorOf<Status::error_backend>;
/// A panic was caught at the border.
using PanicError = ErrorOf<Status::error_panic>;
/// A broken promise inside the library.
using InternalError = ErrorOf<Status::error_internal>;

/// The name of a code, such as "CANDLE_ERROR_SHAPE".
inline std::string status_name(Status status) { return candle_status_name(detail::code(status)); }

namespace detail {

/// What a callback on this thread threw, until the call around it has come back.
inline std::exception_ptr &thrown() {
    thread_local std::exception_ptr exception;
    return exception;
}

/// Throws the class of a code.
[[noreturn]] inline void raise(const std::string &message, ErrorDetails details) {
    switch (details.code) {
        case Status::error_invalid_argument:
            throw InvalidArgumentError(message, std::move(details));
        case Status::error_null_pointer: throw NullPointerError(message, std::move(details));
        case Status::error_invalid_utf8: throw InvalidUtf8Error(message, std::move(details));
        case Status::error_buffer_too_small: throw BufferTooSmallError(message, std::move(details));
        case Status::error_busy: throw BusyError(message, std::move(details));
        case Status::error_invalid_handle: throw InvalidHandleError(message, std::move(details));
        case Status::error_shape: throw ShapeError(message, std::move(details));
        case Status::error_dtype: throw DTypeError(message, std::move(details));
        case Status::error_device: throw DeviceError(message, std::move(details));
        case Status::error_index: throw IndexError(message, std::move(details));
        case Status::error_out_of_memory: throw OutOfMemoryError(message, std::move(details));
        case Status::error_no_gradient: throw NoGradientError(message, std::move(details));
        case Status::error_graph: throw GraphError(message, std::move(details));
        case Status::error_modified_in_place: throw InPlaceError(message, std::move(details));
        case Status::error_io: throw IoError(message, std::move(details));
        case Status::error_file_format: throw FileFormatError(message, std::move(details));
        case Status::error_state_dict: throw StateDictError(message, std::move(details));
        case Status::error_unsupported: throw UnsupportedError(message, std::move(details));
        case Status::error_callback: throw CallbackError(message, std::move(details));
        case Status::error_backend: throw BackendError(message, std::move(details));
        case Status::error_panic: throw PanicError(message, std::move(details));
        case Status::error_internal: throw InternalError(message, std::move(details));
        // A library may be newer than this header.
        default: throw Error(message, std::move(details));
    }
}

/// Everything that an error of C tells.
inline ErrorDetails details_of(const CandleError *error) {
    ErrorDetails details;
    details.code = static_cast<Status>(candle_error_code(error));
    details.operation = candle_error_operation(error);
    for (std::size_t at = 0; at < candle_error_num_shapes(error); at++) {
        std::vector<std::int64_t> shape(candle_error_shape(error, at, nullptr, 0));
        candle_error_shape(error, at, shape.data(), shape.size());
        details.shapes.push_back(std::move(shape));
    }
    for (std::size_t at = 0; at < candle_error_num_dtypes(error); at++) {
        details.dtypes.push_back(static_cast<DType>(candle_error_dtype(error, at)));
    }
    for (std::size_t at = 0; at < candle_error_num_devices(error); at++) {
        details.devices.emplace_back(static_cast<DeviceKind>(candle_error_device_kind(error, at)),
                                     candle_error_device_index(error, at));
    }
    return details;
}

/// A call into the library: gives room for its error, and throws what it says.
class Call {
public:
    Call() = default;
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;
    ~Call() { candle_error_free(error_); }

    /// Where the call puts its error.
    CandleError **error() noexcept { return &error_; }

    /// Throws unless the call succeeded.
    void check(CandleStatus status) {
        if (status != CANDLE_OK) {
            fail(status);
        }
    }

private:
    [[noreturn]] void fail(CandleStatus status) {
        if (status == CANDLE_ERROR_CALLBACK && thrown()) {
            std::rethrow_exception(std::exchange(thrown(), nullptr));
        }
        ErrorDetails details = details_of(error_);
        details.code = static_cast<Status>(status);
        raise(candle_error_message(error_), std::move(details));
    }

    CandleError *error_ = nullptr;
};

}  // namespace detail

}  // namespace candle

#endif  // CANDLE_FFI_ERROR_HPP
