// The profiler: what it records, when it records, and its ranges.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using candle::Profile;
using candle::ProfileKind;
using candle::Profiler;
using candle::ProfileTotal;
using candle::RecordFunction;
using candle::Tensor;

namespace {

/// The total of a kind and a name; none has no calls.
ProfileTotal total_of(const Profile &profile, ProfileKind kind, const std::string &name) {
    for (const ProfileTotal &total : profile.totals()) {
        if (total.kind == kind && total.name == name) {
            return total;
        }
    }
    return {};
}

TEST(Profiler, RecordsCallsGradientsAndKernels) {
    const Tensor x = candle::tensor({{1.0, 2.0}, {3.0, 4.0}}, {candle::float32, "cpu", true});
    candle::ProfilerOptions options;
    options.record_shapes = true;
    Profiler profiler(options);
    EXPECT_TRUE(profiler.is_recording());
    {
        const RecordFunction range("two steps");
        for (int step = 0; step < 2; step++) {
            x.matmul(x).sum().backward();
        }
    }
    const Profile profile = profiler.stop();
    EXPECT_FALSE(profiler.is_recording());

    EXPECT_EQ(total_of(profile, ProfileKind::call, "matmul").calls, 2U);
    EXPECT_EQ(total_of(profile, ProfileKind::backward, "matmul_backward").calls, 2U);
    const ProfileTotal kernel = total_of(profile, ProfileKind::kernel, "matmul");
    EXPECT_EQ(kernel.within, "matmul") << "those of gradients are apart";
    EXPECT_EQ(kernel.calls, 2U);
    const ProfileTotal range = total_of(profile, ProfileKind::range, "two steps");
    EXPECT_EQ(range.calls, 1U);
    EXPECT_GE(range.total, range.self + range.self_kernel);
    EXPECT_EQ(range.total, range.longest);
    EXPECT_EQ(profile.event(range.event).name, "two steps");

    const ProfileTotal matmul = total_of(profile, ProfileKind::call, "matmul");
    const candle::ProfileEvent event = profile.event(matmul.event);
    EXPECT_EQ(event.depth, 1U) << "in the range";
    ASSERT_EQ(event.inputs.size(), 2U);
    EXPECT_EQ(event.inputs[1].shape, (std::vector<std::int64_t>{2, 2}));
    EXPECT_EQ(event.inputs[1].dtype, candle::float32);
    EXPECT_EQ(event.bytes, 16U);
    EXPECT_THROW(profile.event(profile.num_events()), candle::IndexError);
    EXPECT_GE(profile.totals(true).size(), profile.totals().size());

    const candle::ProfileSummary summary = profile.summary();
    EXPECT_EQ(summary.wall, summary.kernel + summary.checks + summary.outside);
    EXPECT_GT(summary.kernel.count(), 0);
    EXPECT_GE(summary.calls, 6U);
    EXPECT_EQ(summary.dropped, 0U);
    EXPECT_FALSE(profile.thread_names().empty());
}

TEST(Profiler, ShowsATableAndWritesATrace) {
    Profiler profiler;
    const Tensor x = candle::ones({4, 4}).exp();
    const Profile profile = profiler.stop();
    candle::ProfileTableOptions options;
    options.sort = candle::ProfileSort::calls;
    options.bytes = false;
    const std::string table = profile.table(options);
    EXPECT_NE(table.find("exp"), std::string::npos) << table;
    EXPECT_EQ(table.find("Bytes"), std::string::npos) << table;
    EXPECT_NE(profile.table().find("Bytes"), std::string::npos);

    const std::string path = testing::TempDir() + "candle_ffi_trace.json";
    profile.write_trace(path);
    std::ifstream file(path);
    const std::string trace(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(trace.find("\"exp\""), std::string::npos);
    std::remove(path.c_str());
    EXPECT_THROW(profile.write_trace(path + "/no/folder"), candle::IoError);
}

TEST(Profiler, EndsWithItsScope) {
    {
        const Profiler profiler;
        EXPECT_NE(candle::profiler_session(), 0U);
        EXPECT_THROW(Profiler(), candle::BusyError);
        EXPECT_NE(candle::profiler_session(), 0U) << "the first goes on";
    }
    EXPECT_EQ(candle::profiler_session(), 0U);
    Profiler first;
    first.stop();
    EXPECT_THROW(first.stop(), candle::InvalidArgumentError);
    Profiler second;
    EXPECT_THROW(first.stop(), candle::InvalidArgumentError);
    EXPECT_TRUE(second.is_recording());
}

TEST(RecordFunction, EndsNoRangeButItsOwn) {
    // Begun before the recording, or in one that is over: nothing to end.
    std::optional<RecordFunction> early(std::in_place, "early");
    Profiler first;
    std::optional<RecordFunction> over(std::in_place, "over");
    first.stop();
    Profiler second;
    const RecordFunction outer("outer");
    early.reset();
    over.reset();
    const Tensor x = candle::ones({2}).exp();
    const Profile profile = second.stop();
    EXPECT_EQ(total_of(profile, ProfileKind::range, "early").calls, 0U);
    EXPECT_EQ(total_of(profile, ProfileKind::range, "over").calls, 0U);
    const ProfileTotal exp = total_of(profile, ProfileKind::call, "exp");
    EXPECT_EQ(profile.event(exp.event).depth, 1U) << "inside the outer range still";
}

}  // namespace
