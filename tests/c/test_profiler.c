/* The profiler: calls, gradients and kernels with their times, ranges, totals, a table and a trace file. */

#include "samples.h"

/* A product and its gradient within a range, recorded. */
static CandleProfile *recorded(const CandleProfilerOptions *options) {
    CandleProfile *profile = NULL;
    CandleTensor *x = sample_CandleTensor(), *weight = sample_CandleTensor();
    CandleTensor *product = NULL, *sum = NULL;
    CHECK_OK(candle_tensor_set_requires_grad(weight, 1, &error));
    CHECK_OK(candle_profiler_start(options, &error));
    CHECK_OK(candle_profiler_push_range("step", &error));
    CHECK_OK(candle_tensor_matmul(x, weight, &product, &error));
    CHECK_OK(candle_tensor_sum(product, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
    CHECK_OK(candle_tensor_backward(sum, NULL, 0, 0, &error));
    candle_profiler_pop_range();
    CHECK_OK(candle_profiler_stop(&profile, &error));
    candle_tensor_free(sum);
    candle_tensor_free(product);
    candle_tensor_free(weight);
    candle_tensor_free(x);
    return profile;
}

/* The number of an event of this name and kind; the number of events when there is none. */
static size_t find(const CandleProfile *profile, const char *name, CandleProfileKind kind) {
    size_t at, count = candle_profile_num_events(profile);
    for (at = 0; at < count; at++) {
        CandleProfileEvent event = CANDLE_PROFILE_EVENT_INIT;
        CHECK_OK(candle_profile_event(profile, at, &event, &error));
        if (event.kind == kind && strcmp(event.name, name) == 0) return at;
    }
    FAIL("there is no event \"%s\"", name);
    return count;
}

static void test_events_have_names_times_and_shapes(void) {
    CandleProfilerOptions options = CANDLE_PROFILER_OPTIONS_INIT;
    CandleProfileEvent event = CANDLE_PROFILE_EVENT_INIT, around = CANDLE_PROFILE_EVENT_INIT;
    CandleProfile *profile;
    int64_t shape[4] = {0, 0, 0, 0};
    size_t matmul;
    options.record_shapes = 1;
    profile = recorded(&options);
    matmul = find(profile, "matmul", CANDLE_PROFILE_CALL);
    CHECK_OK(candle_profile_event(profile, matmul, &event, &error));
    CHECK_OK(candle_profile_event(profile, find(profile, "step", CANDLE_PROFILE_RANGE), &around, &error));
    CHECK_EQUAL(event.struct_size, sizeof event);
    CHECK_EQUAL(event.depth, 1);
    CHECK_EQUAL(event.thread, 0);
    CHECK_EQUAL(event.bytes, 16);
    CHECK(around.start_ns <= event.start_ns);
    CHECK(event.start_ns + event.duration_ns <= around.start_ns + around.duration_ns);
    CHECK(event.kernel_ns <= event.duration_ns && event.self_kernel_ns == event.kernel_ns);
    CHECK_TEXT(event.within, "");
    CHECK_EQUAL(event.num_shapes, 2);
    CHECK_EQUAL(candle_profile_event_shape(profile, matmul, 1, shape, 4), 2);
    CHECK(shape[0] == 2 && shape[1] == 2 && shape[2] == 0);
    CHECK_EQUAL(candle_profile_event_shape(profile, matmul, 2, shape, 4), 0);
    CHECK_EQUAL(candle_profile_event_dtype(profile, matmul, 0), CANDLE_DTYPE_FLOAT32);
    CHECK_EQUAL(candle_profile_event_dtype(profile, matmul, 2), CANDLE_DTYPE_NONE);
    find(profile, "matmul_backward", CANDLE_PROFILE_BACKWARD);
    find(profile, "accumulate_grad", CANDLE_PROFILE_BACKWARD);
    CHECK_OK(candle_profile_event(profile, find(profile, "matmul", CANDLE_PROFILE_KERNEL), &event, &error));
    CHECK_TEXT(event.within, "matmul");
    CHECK(candle_profile_num_threads(profile) >= 1);
    candle_profile_thread_name(profile, 0, NULL, 0);
    CHECK_ERROR(candle_profile_event(profile, 1u << 20, &event, &error), CANDLE_ERROR_INDEX, "1048576");
    candle_profile_free(profile);
}

static void test_totals_and_the_summary_add_up(void) {
    CandleProfile *profile = recorded(NULL);
    CandleProfileSummary summary = CANDLE_PROFILE_SUMMARY_INIT;
    uint64_t library = 0, kernels = 0, calls = 0;
    size_t at;
    CHECK_OK(candle_profile_summary(profile, &summary, &error));
    for (at = 0; at < candle_profile_num_totals(profile, 0); at++) {
        CandleProfileTotal total = CANDLE_PROFILE_TOTAL_INIT;
        CHECK_OK(candle_profile_total(profile, 0, at, &total, &error));
        CHECK(total.self_ns <= total.total_ns && total.longest_ns <= total.total_ns);
        if (total.kind == CANDLE_PROFILE_CALL) calls += total.calls;
        if (total.kind == CANDLE_PROFILE_CALL || total.kind == CANDLE_PROFILE_BACKWARD) {
            library += total.self_ns;
            kernels += total.self_kernel_ns;
        }
    }
    CHECK_EQUAL(calls, 3);
    CHECK_EQUAL(summary.calls, 3);
    CHECK_EQUAL(summary.kernel_ns, kernels);
    CHECK_EQUAL(summary.kernel_ns + summary.checks_ns, library);
    CHECK_EQUAL(summary.wall_ns, library + summary.outside_ns);
    CHECK_EQUAL(summary.dropped, 0);
    CHECK(candle_profile_num_totals(profile, 1) >= candle_profile_num_totals(profile, 0));
    candle_profile_free(profile);
}

static void test_structures_of_other_sizes(void) {
    CandleProfile *profile = recorded(NULL);
    CandleProfileSummary summary = CANDLE_PROFILE_SUMMARY_INIT;
    CandleProfilerOptions options = CANDLE_PROFILER_OPTIONS_INIT;
    summary.struct_size = 2 * sizeof(size_t); /* a program that knows the first two members */
    summary.kernel_ns = 12345;
    CHECK_OK(candle_profile_summary(profile, &summary, &error));
    CHECK(summary.wall_ns > 0 && summary.kernel_ns == 12345);
    CHECK_EQUAL(summary.struct_size, 2 * sizeof(size_t));
    summary.struct_size = 0;
    CHECK_ERROR(candle_profile_summary(profile, &summary, &error), CANDLE_ERROR_INVALID_ARGUMENT, "struct_size 0");
    options.struct_size = 1u << 16;
    CHECK_ERROR(candle_profiler_start(&options, &error), CANDLE_ERROR_INVALID_ARGUMENT, "struct_size 65536");
    CHECK_EQUAL(candle_profiler_session(), 0);
    candle_profile_free(profile);
}

static void test_one_recording_at_a_time(void) {
    CandleProfile *profile = NULL, *none = NULL;
    CandleProfilerOptions options = CANDLE_PROFILER_OPTIONS_INIT;
    CandleProfileSummary summary = CANDLE_PROFILE_SUMMARY_INIT;
    CandleTensor *x = sample_CandleTensor(), *y = NULL;
    int round;
    options.max_events = 3;
    CHECK_EQUAL(candle_profiler_session(), 0);
    CHECK_ERROR(candle_profiler_stop(&none, &error), CANDLE_ERROR_INVALID_ARGUMENT, "no profile");
    candle_profiler_pop_range(); /* nothing to end */
    CHECK_OK(candle_profiler_push_range("when off", &error));
    CHECK_OK(candle_profiler_start(&options, &error));
    CHECK(candle_profiler_session() > 0);
    CHECK_ERROR(candle_profiler_start(NULL, &error), CANDLE_ERROR_BUSY, "already");
    for (round = 0; round < 5; round++) {
        CHECK_OK(candle_tensor_exp(x, &y, &error));
        candle_tensor_free(y);
        y = NULL;
    }
    CHECK_OK(candle_profiler_push_range("left open", &error));
    CHECK_OK(candle_profiler_stop(&profile, &error));
    CHECK_EQUAL(candle_profile_num_events(profile), 3);
    CHECK_OK(candle_profile_summary(profile, &summary, &error));
    CHECK_EQUAL(summary.calls, 11); /* five of exp and of free, and the free of an error */
    CHECK_EQUAL(summary.dropped, 5 * 3 + 1 + 1 - 3);
    candle_profile_free(profile);
    candle_tensor_free(x);
}

static void test_a_table_and_a_trace_file(void) {
    const char *path = "test_profiler.json";
    CandleProfile *profile = recorded(NULL);
    CandleProfileTableOptions options = CANDLE_PROFILE_TABLE_OPTIONS_INIT;
    size_t length = 0, again = 0;
    char *table, head[64];
    FILE *file;
    options.sort = CANDLE_PROFILE_SORT_START;
    CHECK_OK(candle_profile_table(profile, &options, NULL, 0, &length, &error));
    table = malloc(length + 1);
    CHECK_OK(candle_profile_table(profile, &options, table, length + 1, &again, &error));
    CHECK(again == length && strlen(table) == length);
    CHECK(strstr(table, "matmul_backward") != NULL && strstr(table, "Wall time") != NULL);
    CHECK(strstr(table, "step") < strstr(table, "matmul"));
    free(table);
    options.sort = 99;
    CHECK_ERROR(candle_profile_table(profile, &options, NULL, 0, &length, &error), CANDLE_ERROR_INVALID_ARGUMENT, "99");
    CHECK_OK(candle_profile_write_trace(profile, path, &error));
    file = fopen(path, "rb");
    CHECK(file != NULL);
    if (file != NULL) {
        CHECK(fgets(head, sizeof head, file) != NULL && strncmp(head, "{\"schemaVersion\"", 16) == 0);
        fclose(file);
    }
    remove(path);
    CHECK_ERROR(candle_profile_write_trace(profile, "no/such/folder/file", &error), CANDLE_ERROR_IO, "no/such");
    candle_profile_free(profile);
}

int main(void) {
    RUN(test_events_have_names_times_and_shapes);
    RUN(test_totals_and_the_summary_add_up);
    RUN(test_structures_of_other_sizes);
    RUN(test_one_recording_at_a_time);
    RUN(test_a_table_and_a_trace_file);
    return FINISH();
}
