/*
 * Trains a small convolutional network (LeNet's form) on images of digits.
 *
 *   train_cnn [options] IMAGES LABELS    two files in MNIST's IDX format, not compressed
 *   train_cnn [options] DIGITS.csv       lines of 64 pixels of 8 x 8 images, 0 to 16, and the label
 *
 * The last tenth of the images is kept for the test. candle_ffi/examples/train_cnn.py is the same
 * program in Python; with the same seed it prints the same losses.
 */

#include <candle_ffi.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 10, CSV_SIDE = 8, CSV_PIXELS = CSV_SIDE * CSV_SIDE, CSV_DARKEST = 16 };

typedef struct {
    long epochs, batch, seed, every;
    double lr, momentum;
} Options;

/* Pixels between 0 and 1, image after image. */
typedef struct {
    float *pixels;
    int64_t *labels;
    int64_t count, height, width;
} Digits;

/* -------------------------------------------------------------------------------------- errors */

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("train_cnn: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static void fail_call(const char *call, const CandleError *error) {
    fail("%s: %s: %s", call, candle_status_name(candle_error_code(error)),
         candle_error_message(error));
}

/* Calls a function with `&error` in its arguments, and ends the program when it fails. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        CandleError *error = NULL;                                                                 \
        if ((call) != CANDLE_OK) fail_call(#call, error);                                          \
    } while (0)

static void *allocate(const char *path, size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) fail("%s: there is no memory for %lu values", path, (unsigned long)count);
    return memory;
}

/* --------------------------------------------------------------------------------------- files */

static FILE *open_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail("%s: %s", path, strerror(errno));
    return file;
}

static uint32_t read_number(FILE *file, const char *path) {
    unsigned char bytes[4];
    if (fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
        fail("%s: the header is cut off", path);
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The bytes of an IDX file: big-endian sizes, then unsigned bytes, and nothing after them. */
static unsigned char *read_idx(const char *path, size_t rank, uint32_t *sizes) {
    FILE *file = open_file(path);
    const uint32_t magic = read_number(file, path), expected = 0x800U + (uint32_t)rank;
    size_t count = 1, found, dim;
    unsigned char *bytes;
    if (magic >> 16 == 0x1F8BU) fail("%s: is compressed; unpack it with gunzip first", path);
    if (magic != expected)
        fail("%s: begins with 0x%08lX, but an IDX file of bytes in %lu dimensions with 0x%08lX",
             path, (unsigned long)magic, (unsigned long)rank, (unsigned long)expected);
    for (dim = 0; dim < rank; dim++) {
        sizes[dim] = read_number(file, path);
        if (sizes[dim] == 0 || sizes[dim] > INT32_MAX)
            fail("%s: size %lu of dimension %lu", path, (unsigned long)sizes[dim],
                 (unsigned long)dim);
        if (count > SIZE_MAX / sizeof(float) / sizes[dim]) fail("%s: is too large", path);
        count *= sizes[dim];
    }
    bytes = allocate(path, count, 1);
    found = fread(bytes, 1, count, file);
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    if (found != count)
        fail("%s: is cut off: %lu bytes of %lu", path, (unsigned long)found, (unsigned long)count);
    if (fgetc(file) != EOF) fail("%s: has bytes after its %lu values", path, (unsigned long)count);
    fclose(file);
    return bytes;
}

static Digits read_idx_digits(const char *images_path, const char *labels_path) {
    uint32_t sizes[3], num_labels;
    unsigned char *pixels = read_idx(images_path, 3, sizes);
    unsigned char *labels = read_idx(labels_path, 1, &num_labels);
    const size_t area = (size_t)sizes[1] * sizes[2], count = sizes[0];
    Digits digits;
    size_t at;
    if (num_labels != count)
        fail("%s has %lu images, but %s has %lu labels", images_path, (unsigned long)count,
             labels_path, (unsigned long)num_labels);
    digits.count = (int64_t)count;
    digits.height = (int64_t)sizes[1];
    digits.width = (int64_t)sizes[2];
    digits.pixels = allocate(images_path, count * area, sizeof(float));
    digits.labels = allocate(labels_path, count, sizeof(int64_t));
    for (at = 0; at < count * area; at++) digits.pixels[at] = (float)pixels[at] / 255.0F;
    for (at = 0; at < count; at++) {
        if (labels[at] >= CLASSES)
            fail("%s: label %d of image %lu", labels_path, labels[at], (unsigned long)at);
        digits.labels[at] = labels[at];
    }
    free(pixels);
    free(labels);
    return digits;
}

/* Reads one number of a line and what stands after it. Numbers like "5.0" are whole too. */
static long read_field(char **text, char end, long most, const char *path, size_t line) {
    char *after;
    const double value = strtod(*text, &after);
    if (after == *text || *after != end)
        fail("%s:%lu: expected %d numbers with commas between", path, (unsigned long)line,
             CSV_PIXELS + 1);
    if (!(value >= 0.0 && value <= (double)most) || value != (double)(long)value)
        fail("%s:%lu: %g is no whole number from 0 to %ld", path, (unsigned long)line, value, most);
    *text = after + (end != '\0');
    return (long)value;
}

static Digits read_csv_digits(const char *path) {
    FILE *file = open_file(path);
    char line[1024];
    size_t count = 0, room = 0, pixel;
    Digits digits = {NULL, NULL, 0, CSV_SIDE, CSV_SIDE};
    while (fgets(line, sizeof line, file) != NULL) {
        char *text = line;
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '\0') continue;
        if (count == room) {
            room = room == 0 ? 256 : 2 * room;
            digits.pixels = realloc(digits.pixels, room * CSV_PIXELS * sizeof(float));
            digits.labels = realloc(digits.labels, room * sizeof(int64_t));
            if (digits.pixels == NULL || digits.labels == NULL)
                fail("%s: there is no memory for %lu images", path, (unsigned long)room);
        }
        for (pixel = 0; pixel < CSV_PIXELS; pixel++)
            digits.pixels[count * CSV_PIXELS + pixel] =
                (float)read_field(&text, ',', CSV_DARKEST, path, count + 1) / (float)CSV_DARKEST;
        digits.labels[count] = read_field(&text, '\0', CLASSES - 1, path, count + 1);
        count++;
    }
    if (ferror(file)) fail("%s: %s", path, strerror(errno));
    if (count == 0) fail("%s: has no images", path);
    fclose(file);
    digits.count = (int64_t)count;
    return digits;
}

static void make_tensors(Digits *digits, CandleTensor **images, CandleTensor **labels) {
    const int64_t shape[4] = {digits->count, 1, digits->height, digits->width};
    const size_t count = (size_t)digits->count;
    const size_t area = (size_t)(digits->height * digits->width);
    TRY(candle_tensor_from_data(digits->pixels, count * area * sizeof(float), shape, 4, NULL,
                                CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0, images, &error));
    TRY(candle_tensor_from_data(digits->labels, count * sizeof(int64_t), shape, 1, NULL,
                                CANDLE_DTYPE_INT64, CANDLE_DEVICE_CPU, 0, labels, &error));
    free(digits->pixels);
    free(digits->labels);
}

/* --------------------------------------------------------------------------------------- model */

/* Adds a layer to the model, which keeps it. */
static void push(CandleModule *model, CandleModule *layer) {
    TRY(candle_sequential_push(model, layer, &error));
    candle_module_free(layer);
}

/* 5 x 5 convolution that keeps the size, ReLU, and halving of the size by the largest of 2 x 2. */
static void push_convolution(CandleModule *model, int64_t in_channels, int64_t out_channels,
                             const CandleGenerator *generator) {
    const int64_t kernel = 5, padding = 2, one = 1, window = 2, none = 0;
    CandleModule *layer = NULL;
    TRY(candle_conv2d_new(in_channels, out_channels, &kernel, 1, &one, 1, &padding, 1, &one, 1, 1,
                          1, CANDLE_PADDING_MODE_ZEROS, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0,
                          generator, &layer, &error));
    push(model, layer);
    TRY(candle_relu_new(&layer, &error));
    push(model, layer);
    TRY(candle_max_pool2d_new(&window, 1, NULL, 0, &none, 1, &one, 1, 0, 0, &layer, &error));
    push(model, layer);
}

static void push_linear(CandleModule *model, int64_t in_features, int64_t out_features,
                        const CandleGenerator *generator) {
    CandleModule *layer = NULL;
    TRY(candle_linear_new(in_features, out_features, 1, CANDLE_DTYPE_FLOAT32, CANDLE_DEVICE_CPU, 0,
                          generator, &layer, &error));
    push(model, layer);
}

static CandleModule *make_model(int64_t height, int64_t width, const CandleGenerator *generator) {
    CandleModule *model = NULL, *layer = NULL;
    TRY(candle_sequential_new(&model, &error));
    push_convolution(model, 1, 6, generator);
    push_convolution(model, 6, 16, generator);
    TRY(candle_flatten_new(1, -1, &layer, &error));
    push(model, layer);
    push_linear(model, 16 * (height / 4) * (width / 4), 120, generator);
    TRY(candle_relu_new(&layer, &error));
    push(model, layer);
    push_linear(model, 120, CLASSES, generator);
    return model;
}

static CandleOptimizer *make_optimizer(const CandleModule *model, const Options *options) {
    CandleTensor *params[8];
    CandleOptimizer *optimizer = NULL;
    CandleSgdOptions sgd = CANDLE_SGD_OPTIONS_INIT;
    size_t count = 0, at;
    sgd.lr = options->lr;
    sgd.momentum = options->momentum;
    TRY(candle_module_parameters(model, params, 8, &count, &error));
    TRY(candle_sgd_new((const CandleTensor *const *)params, count, &sgd, &optimizer, &error));
    for (at = 0; at < count; at++) candle_tensor_free(params[at]);
    return optimizer;
}

/* ------------------------------------------------------------------------------------ training */

/* One step on the images of these indices; gives the loss before it. */
static double train_step(const CandleModule *model, CandleOptimizer *optimizer,
                         const CandleTensor *images, const CandleTensor *labels,
                         const CandleTensor *indices) {
    CandleTensor *batch = NULL, *targets = NULL, *outputs = NULL, *loss = NULL;
    double value = 0.0;
    TRY(candle_tensor_index_select(images, 0, indices, &batch, &error));
    TRY(candle_tensor_index_select(labels, 0, indices, &targets, &error));
    TRY(candle_module_forward(model, batch, &outputs, &error));
    TRY(candle_tensor_cross_entropy(outputs, targets, NULL, -100, CANDLE_REDUCTION_MEAN, 0.0, &loss,
                                    &error));
    TRY(candle_optimizer_zero_grad(optimizer, &error));
    TRY(candle_tensor_backward(loss, NULL, 0, 0, &error));
    TRY(candle_optimizer_step(optimizer, &error));
    TRY(candle_tensor_item_double(loss, &value, &error));
    candle_tensor_free(loss);
    candle_tensor_free(outputs);
    candle_tensor_free(targets);
    candle_tensor_free(batch);
    return value;
}

/* Goes through the first `count` images in a new order. */
static void train_epoch(long epoch, const CandleModule *model, CandleOptimizer *optimizer,
                        const CandleTensor *images, const CandleTensor *labels, int64_t count,
                        const CandleGenerator *generator, const Options *options) {
    CandleTensor *order = NULL;
    double sum = 0.0;
    int64_t start;
    long step = 0;
    TRY(candle_tensor_randperm(count, CANDLE_DTYPE_INT64, CANDLE_DEVICE_CPU, 0, generator, &order,
                               &error));
    for (start = 0; start < count; start += options->batch) {
        const int64_t length = options->batch < count - start ? options->batch : count - start;
        CandleTensor *indices = NULL;
        double loss;
        TRY(candle_tensor_narrow(order, 0, start, length, &indices, &error));
        loss = train_step(model, optimizer, images, labels, indices);
        candle_tensor_free(indices);
        sum += loss;
        step++;
        if (options->every > 0 && step % options->every == 0)
            printf("epoch %ld  step %ld  loss %.8f\n", epoch, step, loss);
    }
    printf("epoch %ld  mean loss %.8f\n", epoch, sum / (double)step);
    candle_tensor_free(order);
}

/* How many of the images from `start` on the model names rightly. */
static int64_t count_right(const CandleModule *model, const CandleTensor *images,
                           const CandleTensor *labels, int64_t start, int64_t count, long batch) {
    const int64_t dim = 1;
    int64_t right = 0, at;
    TRY(candle_grad_mode_push(0, &error));
    for (at = 0; at < count; at += batch) {
        const int64_t length = batch < count - at ? batch : count - at;
        CandleTensor *inputs = NULL, *targets = NULL, *outputs = NULL, *named = NULL, *equal = NULL,
                     *sum = NULL;
        int64_t found = 0;
        TRY(candle_tensor_narrow(images, 0, start + at, length, &inputs, &error));
        TRY(candle_tensor_narrow(labels, 0, start + at, length, &targets, &error));
        TRY(candle_module_forward(model, inputs, &outputs, &error));
        TRY(candle_tensor_argmax(outputs, &dim, 0, &named, &error));
        TRY(candle_tensor_eq(named, targets, &equal, &error));
        TRY(candle_tensor_sum(equal, NULL, 0, 0, CANDLE_DTYPE_NONE, &sum, &error));
        TRY(candle_tensor_item_int64(sum, &found, &error));
        right += found;
        candle_tensor_free(sum);
        candle_tensor_free(equal);
        candle_tensor_free(named);
        candle_tensor_free(outputs);
        candle_tensor_free(targets);
        candle_tensor_free(inputs);
    }
    TRY(candle_grad_mode_pop(&error));
    return right;
}

/* ----------------------------------------------------------------------------------- arguments */

static const char USAGE[] =
    "usage: train_cnn [options] IMAGES LABELS   (IDX files, as MNIST's)\n"
    "       train_cnn [options] DIGITS.csv      (64 pixels from 0 to 16, then the label)\n"
    "options: --epochs 3  --batch 64  --lr 0.02  --momentum 0.9  --seed 0\n"
    "         --every 10  (steps between the losses that are printed; 0 prints none)\n";

static void fail_usage(const char *message, const char *word) {
    fprintf(stderr, "train_cnn: %s%s\n%s", message, word, USAGE);
    exit(2);
}

static double number_of(const char *option, const char *text, double least, double most,
                        int whole) {
    char *end;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most) ||
        (whole && value != (double)(long)value))
        fail_usage("no value for this option: ", option);
    return value;
}

/* Reads the options, and gives the number of files that stand after them. */
static int parse(int argc, char **argv, Options *options, const char **files) {
    int at = 1, count = 0;
    for (; at < argc; at++) {
        const char *word = argv[at], *value = at + 1 < argc ? argv[at + 1] : "";
        if (strncmp(word, "--", 2) != 0) {
            if (count == 2) fail_usage("one file too many: ", word);
            files[count++] = word;
            continue;
        }
        at++;
        if (strcmp(word, "--epochs") == 0)
            options->epochs = (long)number_of(word, value, 0, 1000000, 1);
        else if (strcmp(word, "--batch") == 0)
            options->batch = (long)number_of(word, value, 1, 1000000, 1);
        else if (strcmp(word, "--seed") == 0)
            options->seed = (long)number_of(word, value, 0, 2147483647, 1);
        else if (strcmp(word, "--every") == 0)
            options->every = (long)number_of(word, value, 0, 1000000, 1);
        else if (strcmp(word, "--lr") == 0)
            options->lr = number_of(word, value, 0, 1000, 0);
        else if (strcmp(word, "--momentum") == 0)
            options->momentum = number_of(word, value, 0, 1, 0);
        else
            fail_usage("unknown option: ", word);
    }
    if (count == 0) fail_usage("there is no file", "");
    return count;
}

int main(int argc, char **argv) {
    Options options = {3, 64, 0, 10, 0.02, 0.9};
    const char *files[2];
    Digits digits;
    CandleTensor *images = NULL, *labels = NULL;
    CandleGenerator *generator = NULL;
    CandleModule *model;
    CandleOptimizer *optimizer;
    int64_t tests, training, right;
    long epoch;

    if (parse(argc, argv, &options, files) == 2)
        digits = read_idx_digits(files[0], files[1]);
    else
        digits = read_csv_digits(files[0]);
    if (digits.height < 4 || digits.width < 4 || digits.count < 10)
        fail("%s: 10 images of at least 4 x 4 pixels are needed, and there are %ld of %ld x %ld",
             files[0], (long)digits.count, (long)digits.height, (long)digits.width);
    tests = digits.count / 10;
    training = digits.count - tests;
    printf("%ld images of %ld x %ld for training, %ld for the test\n", (long)training,
           (long)digits.height, (long)digits.width, (long)tests);

    TRY(candle_generator_new((uint64_t)options.seed, &generator, &error));
    model = make_model(digits.height, digits.width, generator);
    optimizer = make_optimizer(model, &options);
    make_tensors(&digits, &images, &labels);
    for (epoch = 1; epoch <= options.epochs; epoch++)
        train_epoch(epoch, model, optimizer, images, labels, training, generator, &options);
    right = count_right(model, images, labels, training, tests, options.batch);
    printf("right: %ld of %ld\n", (long)right, (long)tests);

    candle_optimizer_free(optimizer);
    candle_module_free(model);
    candle_generator_free(generator);
    candle_tensor_free(labels);
    candle_tensor_free(images);
    return EXIT_SUCCESS;
}
