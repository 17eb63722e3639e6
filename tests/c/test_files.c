/* Files: maps of named tensors, safetensors. */

#include "samples.h"

static void test_a_map_keeps_its_order(void) {
    CandleTensorMap *map = sample_CandleTensorMap();
    CandleTensor *tensor = sample_CandleTensor(), *found = NULL;
    char name[8];
    CHECK_OK(candle_tensor_map_insert(map, "b", tensor, &error));
    CHECK_OK(candle_tensor_map_insert(map, "a", tensor, &error));
    CHECK_OK(candle_tensor_map_insert(map, "b", tensor, &error));
    CHECK_EQUAL(candle_tensor_map_len(map), 2);
    CHECK_EQUAL(candle_tensor_map_name(map, 0, name, sizeof name), 1);
    CHECK_TEXT(name, "b");
    CHECK_OK(candle_tensor_map_get(map, "a", &found, &error));
    candle_tensor_free(found);
    found = NULL;
    CHECK_OK(candle_tensor_map_at(map, 1, &found, &error));
    candle_tensor_free(found);
    found = NULL;
    CHECK_ERROR(candle_tensor_map_get(map, "c", &found, &error), CANDLE_ERROR_INVALID_ARGUMENT, "\"c\"");
    CHECK_ERROR(candle_tensor_map_at(map, 2, &found, &error), CANDLE_ERROR_INDEX, "2");
    candle_tensor_free(tensor);
    candle_tensor_map_free(map);
}

static void test_a_file_returns_what_it_was_given(void) {
    const char *path = "test_files.safetensors";
    CandleTensorMap *map = sample_CandleTensorMap(), *read = NULL;
    CandleTensor *tensor = sample_CandleTensor(), *found = NULL;
    float back[4];
    char text[16];
    CHECK_OK(candle_tensor_map_insert(map, "weight", tensor, &error));
    CHECK_OK(candle_tensor_map_set_metadata(map, "format", "test", &error));
    CHECK_OK(candle_tensor_map_save(map, path, &error));
    CHECK_OK(candle_tensor_map_load(path, &read, &error));
    CHECK_OK(candle_tensor_map_get(read, "weight", &found, &error));
    CHECK_OK(candle_tensor_copy_to(found, back, sizeof back, &error));
    CHECK(back[0] == 1 && back[3] == 4);
    CHECK_EQUAL(candle_tensor_map_num_metadata(read), 1);
    candle_tensor_map_metadata_key(read, 0, text, sizeof text);
    CHECK_TEXT(text, "format");
    candle_tensor_map_metadata_value(read, 0, text, sizeof text);
    CHECK_TEXT(text, "test");
    remove(path);
    candle_tensor_free(found);
    candle_tensor_free(tensor);
    candle_tensor_map_free(read);
    candle_tensor_map_free(map);
}

static void test_bad_files_are_refused(void) {
    const char *path = "test_bad.safetensors";
    CandleTensorMap *map = sample_CandleTensorMap(), *read = NULL;
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    if (file != NULL) {
        fwrite("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 1, 10, file);
        fclose(file);
    }
    CHECK_ERROR(candle_tensor_map_load(path, &read, &error), CANDLE_ERROR_FILE_FORMAT, path);
    remove(path);
    CHECK_ERROR(candle_tensor_map_load(path, &read, &error), CANDLE_ERROR_IO, path);
    CHECK_ERROR(candle_tensor_map_save(map, "no/such/folder/file", &error), CANDLE_ERROR_IO, "no/such");
    CHECK(read == NULL);
    candle_tensor_map_free(map);
}

int main(void) {
    RUN(test_a_map_keeps_its_order);
    RUN(test_a_file_returns_what_it_was_given);
    RUN(test_bad_files_are_refused);
    return FINISH();
}
