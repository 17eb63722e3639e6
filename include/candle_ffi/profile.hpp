/// @file
/// What the profiler has recorded; profiler.hpp records.

#ifndef CANDLE_FFI_PROFILE_HPP
#define CANDLE_FFI_PROFILE_HPP

#include <candle_ffi/error.hpp>
#include <candle_ffi/handle.hpp>
#include <candle_ffi/types.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace candle {

/// The shape and the dtype of a tensor that a call was given.
struct ProfileInput {
    /// The sizes.
    std::vector<std::int64_t> shape = {};
    /// The type of the elements.
    DType dtype = DType::none;
};

/// What a call, or all calls of one name, have spent.
struct ProfileTimes {
    /// How long it lasted.
    std::chrono::nanoseconds total = {};
    /// The same less other events inside, where kernels do not count as such.
    std::chrono::nanoseconds self = {};
    /// The time of kernels inside.
    std::chrono::nanoseconds kernel = {};
    /// The part of `kernel` that is in no other event inside.
    std::chrono::nanoseconds self_kernel = {};
    /// The bytes of the values that were made inside.
    std::uint64_t bytes = 0;
    /// The part of `bytes` that was made in no other event inside.
    std::uint64_t self_bytes = 0;
};

/// Something that has taken time.
struct ProfileEvent : ProfileTimes {
    /// Its name, such as "matmul" or "matmul_backward".
    std::string name = {};
    /// For a kernel, the name of what it was run for; empty otherwise.
    std::string within = {};
    /// What it stands for.
    ProfileKind kind = ProfileKind::call;
    /// The number of its thread; 0 is the one that began the recording.
    std::uint32_t thread = 0;
    /// In how many other events of its thread it lies.
    std::uint64_t depth = 0;
    /// When it began, from the start of the recording.
    std::chrono::nanoseconds start = {};
    /// The tensors that it was given, where shapes are recorded.
    std::vector<ProfileInput> inputs = {};
};

/// The events of one kind and name together.
struct ProfileTotal : ProfileTimes {
    /// Their name.
    std::string name = {};
    /// For kernels, the name of what they were run for; empty otherwise.
    std::string within = {};
    /// What they stand for.
    ProfileKind kind = ProfileKind::call;
    /// How many there are.
    std::uint64_t calls = 0;
    /// What the longest of them took.
    std::chrono::nanoseconds longest = {};
    /// The number of the first of these events.
    std::size_t event = 0;
};

/// Where the time went.
struct ProfileSummary {
    /// How long the recording lasted: the sum of the next three.
    std::chrono::nanoseconds wall = {};
    /// What the thread that began the recording spent in kernels.
    std::chrono::nanoseconds kernel = {};
    /// What it spent in the library besides: in checks, dispatch and the graph.
    std::chrono::nanoseconds checks = {};
    /// What it spent outside the library.
    std::chrono::nanoseconds outside = {};
    /// The calls of that thread.
    std::uint64_t calls = 0;
    /// The calls of other threads.
    std::uint64_t other_calls = 0;
    /// The time that other threads spent inside the library.
    std::chrono::nanoseconds other_library = {};
    /// The time that threads of the pool have helped with kernels.
    std::chrono::nanoseconds worker = {};
    /// The events for which there was no room.
    std::uint64_t dropped = 0;
};

/// Options of `Profile::table`.
struct ProfileTableOptions {
    /// The order of the rows.
    ProfileSort sort = ProfileSort::self_time;
    /// Whether other shapes have rows of their own.
    bool by_shapes = false;
    /// Whether each kernel has a row below its operation; not with `by_shapes`.
    bool kernels = true;
    /// Whether there is a column of bytes.
    bool bytes = true;
    /// The most rows, less those of kernels; 0 for all.
    std::uint64_t row_limit = 0;
};

/// What the profiler has recorded: events, totals of those of one name, and a summary. It moves and
/// is not copied.
class Profile {
public:
    /// The owner of a handle that C gave.
    static Profile adopt(CandleProfile *handle) noexcept {
        Profile profile;
        profile.handle_ = Handle(handle);
        return profile;
    }
    /// The handle, for functions of C.
    const CandleProfile *handle() const noexcept { return handle_.get(); }

    /// The number of events, which are ordered by their start.
    std::size_t num_events() const noexcept { return candle_profile_num_events(handle()); }
    /// An event. Throws `IndexError` when there is none of this number.
    ProfileEvent event(std::size_t index) const {
        detail::Call call;
        CandleProfileEvent given = CANDLE_PROFILE_EVENT_INIT;
        call.check(candle_profile_event(handle(), index, &given, call.error()));
        ProfileEvent event;
        fill(event, given, given.duration_ns);
        event.thread = given.thread;
        event.depth = given.depth;
        event.start = std::chrono::nanoseconds(given.start_ns);
        for (std::size_t at = 0; at < given.num_shapes; at++) {
            std::vector<std::int64_t> shape(
                candle_profile_event_shape(handle(), index, at, nullptr, 0));
            candle_profile_event_shape(handle(), index, at, shape.data(), shape.size());
            const CandleDType dtype = candle_profile_event_dtype(handle(), index, at);
            event.inputs.push_back({std::move(shape), static_cast<DType>(dtype)});
        }
        return event;
    }
    /// The totals of each kind and name, kernels apart for each operation that they were run for,
    /// and with `by_shapes` for each list of shapes and dtypes too; in the order in which each was
    /// first begun.
    std::vector<ProfileTotal> totals(bool by_shapes = false) const {
        std::vector<ProfileTotal> totals(candle_profile_num_totals(handle(), by_shapes));
        for (std::size_t at = 0; at < totals.size(); at++) {
            detail::Call call;
            CandleProfileTotal given = CANDLE_PROFILE_TOTAL_INIT;
            call.check(candle_profile_total(handle(), by_shapes, at, &given, call.error()));
            fill(totals[at], given, given.total_ns);
            totals[at].calls = given.calls;
            totals[at].longest = std::chrono::nanoseconds(given.longest_ns);
            totals[at].event = given.event;
        }
        return totals;
    }
    /// Where the time went.
    ProfileSummary summary() const {
        using std::chrono::nanoseconds;
        detail::Call call;
        CandleProfileSummary given = CANDLE_PROFILE_SUMMARY_INIT;
        call.check(candle_profile_summary(handle(), &given, call.error()));
        return {nanoseconds(given.wall_ns),
                nanoseconds(given.kernel_ns),
                nanoseconds(given.checks_ns),
                nanoseconds(given.outside_ns),
                given.calls,
                given.other_calls,
                nanoseconds(given.other_library_ns),
                nanoseconds(given.worker_ns),
                given.dropped};
    }
    /// The names of the threads that have recorded something; empty for one without a name.
    std::vector<std::string> thread_names() const {
        std::vector<std::string> names(candle_profile_num_threads(handle()));
        for (std::size_t at = 0; at < names.size(); at++) {
            names[at] = detail::text([&](char *name, std::size_t capacity) {
                return candle_profile_thread_name(handle(), at, name, capacity);
            });
        }
        return names;
    }
    /// A table of the totals, with the summary below.
    std::string table(const ProfileTableOptions &options = {}) const {
        CandleProfileTableOptions given = CANDLE_PROFILE_TABLE_OPTIONS_INIT;
        given.sort = detail::code(options.sort);
        given.by_shapes = options.by_shapes;
        given.kernels = options.kernels;
        given.bytes = options.bytes;
        given.row_limit = options.row_limit;
        return detail::text([&](char *table, std::size_t capacity) {
            detail::Call call;
            std::size_t length = 0;
            call.check(
                candle_profile_table(handle(), &given, table, capacity, &length, call.error()));
            return length;
        });
    }
    /// Writes the events as a file that `chrome://tracing` and Perfetto show; it appears whole or
    /// not at all. Throws `IoError`.
    void write_trace(const std::string &path) const {
        detail::Call call;
        call.check(candle_profile_write_trace(handle(), path.c_str(), call.error()));
    }

private:
    using Handle = detail::Owner<CandleProfile, candle_profile_free>;

    Profile() noexcept = default;

    /// What an event and a total have in common.
    template <typename Record, typename Given>
    static void fill(Record &record, const Given &given, std::uint64_t total_ns) {
        record.name = given.name;
        record.within = given.within;
        record.kind = static_cast<ProfileKind>(given.kind);
        record.total = std::chrono::nanoseconds(total_ns);
        record.self = std::chrono::nanoseconds(given.self_ns);
        record.kernel = std::chrono::nanoseconds(given.kernel_ns);
        record.self_kernel = std::chrono::nanoseconds(given.self_kernel_ns);
        record.bytes = given.bytes;
        record.self_bytes = given.self_bytes;
    }

    Handle handle_;
};

}  // namespace candle

#endif  // CANDLE_FFI_PROFILE_HPP
