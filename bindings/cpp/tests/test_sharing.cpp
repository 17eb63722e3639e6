// Memory that the program and tensors use together: blobs, addresses, rows, DLPack.

#include <gtest/gtest.h>
#include <candle_ffi.hpp>

#include <cstdint>
#include <stdexcept>
#include <vector>

using candle::CopyKind;
using candle::Tensor;
using candle::tensor;
using Shape = std::vector<std::int64_t>;

namespace {

TEST(Blob, IsUsedInPlace) {
    std::vector<float> values = {1, 2, 3, 4, 5, 6};
    Tensor x = Tensor::from_blob(values, {2, 3});
    EXPECT_EQ(x.shape(), (Shape{2, 3}));
    EXPECT_EQ(x.dtype(), candle::float32);
    EXPECT_EQ(x.data_ptr(), values.data());
    values[5] = 9;
    EXPECT_EQ(x.sum().item(), 24.0);
    x.mul_(2);
    EXPECT_EQ(values, (std::vector<float>{2, 4, 6, 8, 10, 18}));

    // The same memory, column after column.
    const Tensor columns = Tensor::from_blob(values.data(), values.size() * sizeof(float), {2, 3},
                                             candle::float32, {}, {4, 8});
    EXPECT_EQ(columns.strides(), (Shape{1, 2}));
    EXPECT_EQ(columns.to_vector<float>(), (std::vector<float>{2, 6, 10, 4, 8, 18}));
}

TEST(Blob, IsDeletedOnceWithItsLastTensor) {
    auto *values = new double[4]{1, 2, 3, 4};
    int deleted = 0;
    const auto deleter = [&deleted, values](void *data) {
        EXPECT_EQ(data, values);
        deleted++;
        delete[] static_cast<double *>(data);
    };
    Tensor row;
    {
        const Tensor x = Tensor::from_blob(values, 32, {2, 2}, candle::float64, deleter);
        row = x[1];
    }
    EXPECT_EQ(deleted, 0) << "a view uses it";
    EXPECT_EQ(row.to_vector<double>(), (std::vector<double>{3, 4}));
    row = {};
    EXPECT_EQ(deleted, 1);
}

TEST(Blob, OfNothingIsDeletedAtOnce) {
    std::vector<float> none;
    int deleted = 0;
    const Tensor x = Tensor::from_blob(none, {0, 3}, [&](void *) { deleted++; });
    EXPECT_EQ(deleted, 1);
    EXPECT_EQ(x.num_elements(), 0U);
}

TEST(Blob, StaysTheCallersWhenItIsRefused) {
    std::vector<float> values = {1, 2, 3};
    int deleted = 0;
    const auto deleter = [&](void *) { deleted++; };
    EXPECT_THROW(Tensor::from_blob(values, {2, 2}, deleter), candle::InvalidArgumentError);
    EXPECT_THROW(Tensor::from_blob(values.data(), 12, 3, candle::float32, deleter, {4, 4}),
                 candle::InvalidArgumentError);
    EXPECT_THROW(Tensor::from_blob(values.data(), 12, 3, candle::float32, deleter, 8),
                 candle::InvalidArgumentError);
    EXPECT_EQ(deleted, 0);
}

TEST(DataPtr, ReadsAndWrites) {
    Tensor x = tensor({{1, 2}, {3, 4}});
    auto *elements = x.data_ptr<std::int64_t>();
    EXPECT_EQ(elements[3], 4);
    elements[3] = 7;
    EXPECT_EQ(x.sum().item<int>(), 13);
    const Tensor view = x[1];
    EXPECT_EQ(view.data_ptr<std::int64_t>(), elements + 2);
    EXPECT_EQ(view.data_ptr(), elements + 2) << "of any type";
    EXPECT_THROW(x.data_ptr<double>(), candle::DTypeError);
    EXPECT_THROW(Tensor().data_ptr(), candle::NullPointerError);
}

TEST(Rows, AreGathered) {
    const std::vector<float> values = {1, 2, 3, 4, 5, 6};
    const Tensor rows = Tensor::from_rows(values, {3, 2}, {2, 0, 2, 1});
    EXPECT_EQ(rows.shape(), (Shape{4, 2}));
    EXPECT_EQ(rows.to_vector<float>(), (std::vector<float>{5, 6, 1, 2, 5, 6, 3, 4}));
    const std::vector<std::int64_t> labels = {7, 8, 9};
    EXPECT_EQ(Tensor::from_rows(labels, 3, {1, 1}).to_vector<std::int64_t>(),
              (std::vector<std::int64_t>{8, 8}));
    EXPECT_EQ(Tensor::from_rows(values, {3, 2}, {}).shape(), (Shape{0, 2}));
    EXPECT_THROW(Tensor::from_rows(values, {3, 2}, {3}), candle::IndexError);
    EXPECT_THROW(Tensor::from_rows(values, {3, 2}, {-1}), candle::IndexError);
    EXPECT_THROW(Tensor::from_rows(values, {2, 2}, {0}), candle::InvalidArgumentError);
    EXPECT_THROW(Tensor::from_rows(values, {-3, -2}, {0}), candle::Error);
    EXPECT_THROW(Tensor::from_rows(values, {}, {0}), candle::InvalidArgumentError);
}

TEST(DLPack, SharesMemoryBothWays) {
    const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
    const Tensor back = Tensor::from_dlpack(x.to_dlpack());
    EXPECT_EQ(back.shape(), (Shape{2, 2}));
    EXPECT_EQ(back.data_ptr(), x.data_ptr());
    const Tensor older = Tensor::from_dlpack(x.to_dlpack_unversioned(CopyKind::never));
    EXPECT_EQ(older.data_ptr(), x.data_ptr());
    const Tensor copy = Tensor::from_dlpack(x.to_dlpack(CopyKind::always));
    EXPECT_NE(copy.data_ptr(), x.data_ptr());
    EXPECT_EQ(copy.to_vector<float>(), (std::vector<float>{1, 2, 3, 4}));
    const Tensor learnt = tensor({1.0}, {candle::float32, "cpu", true});
    EXPECT_THROW(learnt.to_dlpack(), candle::GraphError);
}

}  // namespace
