/* Children that are forked while another thread is inside the library, with checks on. */

#define _POSIX_C_SOURCE 200809L
#include "samples.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int stop;

static void *make_and_free(void *nothing) {
    (void)nothing;
    while (!stop) candle_tensor_free(sample_CandleTensor());
    return NULL;
}

static void test_a_child_can_go_on(void) {
    pthread_t thread;
    int turn;
    CHECK_EQUAL(pthread_create(&thread, NULL, make_and_free, NULL), 0);
    for (turn = 0; turn < 20; turn++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            CandleTensor *tensor = NULL;
            alarm(30);
            if (candle_tensor_from_double(1.0, &tensor, NULL) != CANDLE_OK) _exit(1);
            candle_tensor_free(tensor);
            _exit(candle_tensor_rank(tensor) == 0 && candle_ffi_misuses() > 0 ? 0 : 1);
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    }
    stop = 1;
    CHECK_EQUAL(pthread_join(thread, NULL), 0);
}

int main(void) {
    CHECK_OK(candle_ffi_set_checks(1, &error));
    RUN(test_a_child_can_go_on);
    return FINISH();
}
