/// @file
/// The profiler: records every call, on all threads, with its gradients and kernels.

#ifndef CANDLE_FFI_PROFILER_HPP
#define CANDLE_FFI_PROFILER_HPP

#include <candle_ffi/profile.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace candle {

/// Options of a `Profiler`.
struct ProfilerOptions {
    /// The most events that are kept, of about 150 bytes each; sums go on beyond it.
    std::uint64_t max_events = std::uint64_t(1) << 20;
    /// Whether to keep the shapes and dtypes of the tensors that each call is given, of the first
    /// 32.
    bool record_shapes = false;
};

/// The number of the recording that is under way, counted from 1; 0 when there is none.
inline std::uint64_t profiler_session() noexcept { return candle_profiler_session(); }

/// Records until `stop`, or until the end of its scope. There is one recording at a time, for all
/// threads. PyTorch: `torch.profiler.profile`
class Profiler {
public:
    /// Starts recording. Throws `BusyError` while a recording is under way.
    explicit Profiler(const ProfilerOptions &options = {}) {
        CandleProfilerOptions given = CANDLE_PROFILER_OPTIONS_INIT;
        given.max_events = options.max_events;
        given.record_shapes = options.record_shapes;
        detail::Call call;
        call.check(candle_profiler_start(&given, call.error()));
        session_ = profiler_session();
    }
    Profiler(const Profiler &) = delete;
    Profiler &operator=(const Profiler &) = delete;
    ~Profiler() {
        // Another recording may have followed this one.
        CandleProfile *profile = nullptr;
        if (is_recording() && candle_profiler_stop(&profile, nullptr) == CANDLE_OK) {
            candle_profile_free(profile);
        }
    }

    /// Whether it is recording still.
    bool is_recording() const noexcept { return session_ != 0 && session_ == profiler_session(); }
    /// Stops recording and gives what was recorded. Throws `InvalidArgumentError` when it has been
    /// stopped already.
    Profile stop() {
        if (std::exchange(session_, 0) != profiler_session()) {
            detail::raise("the profiler is not recording any more",
                          {Status::error_invalid_argument, "profiler_stop", {}, {}, {}});
        }
        detail::Call call;
        CandleProfile *out = nullptr;
        call.check(candle_profiler_stop(&out, call.error()));
        return Profile::adopt(out);
    }

private:
    std::uint64_t session_ = 0;
};

/// Shows the calls of its scope in a profile, inside a range of a name. Nothing happens while no
/// recording is under way. PyTorch: `torch.profiler.record_function`
class RecordFunction {
public:
    /// Begins the range.
    explicit RecordFunction(const std::string &name) {
        detail::Call call;
        call.check(candle_profiler_push_range(name.c_str(), call.error()));
        session_ = profiler_session();
    }
    RecordFunction(const RecordFunction &) = delete;
    RecordFunction &operator=(const RecordFunction &) = delete;
    ~RecordFunction() {
        // A range of a recording that is over has ended with it.
        if (session_ != 0 && session_ == profiler_session()) {
            candle_profiler_pop_range();
        }
    }

private:
    std::uint64_t session_ = 0;
};

}  // namespace candle

#endif  // CANDLE_FFI_PROFILER_HPP
