#include "build/content_cuts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace kiln::build {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// Files as a system has them: most of a few KiB, some of several MiB. So many bytes of them.
std::vector<CutItem> files(std::uint64_t bytes) {
  std::mt19937_64 random;
  std::vector<CutItem> out;
  for (std::uint64_t total = 0; total < bytes; total += out.back().size) {
    std::uint64_t size = random() % 20'000;
    if (random() % 20 == 0) size *= 20;
    if (random() % 2000 == 0) size = random() % (20 * kMiB);
    out.push_back({size, random()});
  }
  return out;
}

using Piece = std::vector<CutItem>;

constexpr std::size_t kMost = 16;

std::vector<Piece> pieces(const std::vector<CutItem>& items) {
  std::vector<std::size_t> cuts = cut_by_content(items, piece_target(items, 4 * kMiB, kMost));
  cuts.push_back(items.size());
  std::vector<Piece> out;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    out.emplace_back(items.begin() + static_cast<std::ptrdiff_t>(cuts[i]),
                     items.begin() + static_cast<std::ptrdiff_t>(cuts[i + 1]));
  }
  return out;
}

std::uint64_t size_of(const Piece& piece) {
  std::uint64_t size = 0;
  for (const CutItem& item : piece) size += item.size;
  return size;
}

/// How many pieces of `after` have other files than any of `before`.
std::size_t made_anew(const std::vector<Piece>& before, const std::vector<Piece>& after) {
  const auto hashes = [](const std::vector<Piece>& all) {
    std::set<std::vector<std::uint64_t>> out;
    for (const Piece& piece : all) {
      std::vector<std::uint64_t> of_piece;
      for (const CutItem& item : piece) of_piece.push_back(item.hash);
      out.insert(std::move(of_piece));
    }
    return out;
  };
  const auto known = hashes(before), now = hashes(after);
  return static_cast<std::size_t>(
      std::count_if(now.begin(), now.end(), [&](const auto& piece) { return !known.contains(piece); }));
}

TEST(CutByContent, PiecesAreOfAFewMiB) {
  const std::vector<Piece> all = pieces(files(28 * kMiB));
  EXPECT_THAT(all.size(), testing::AllOf(testing::Ge(4U), testing::Le(kMost)));
  for (const Piece& piece : all) EXPECT_TRUE(piece.size() == 1 || size_of(piece) <= 6 * kMiB);
}

TEST(CutByContent, OfAnySizeThereAreNotTooManyPieces) {
  for (const std::uint64_t size : {1, 31, 32, 33, 60, 100, 127, 500, 3000}) {
    EXPECT_LE(pieces(files(size * kMiB)).size(), kMost) << size;
  }
  std::vector<CutItem> items;
  for (unsigned i = 0; i < 500; ++i) items.push_back({i % 2 == 0 ? 1 : 6 * kMiB, ~std::uint64_t{0}});
  EXPECT_THAT(pieces(items).size(), testing::AllOf(testing::Ge(4U), testing::Le(kMost)));
}

TEST(CutByContent, AChangeStaysInItsPiece) {
  const std::vector<CutItem> items = files(60 * kMiB);
  const std::vector<Piece> before = pieces(items);
  ASSERT_GE(before.size(), 4U);
  std::size_t anew = 0;
  constexpr std::size_t kChanges = 300;
  std::mt19937_64 random{1};
  for (std::size_t i = 0; i < kChanges; ++i) {
    std::vector<CutItem> changed = items;
    const auto at = changed.begin() + static_cast<std::ptrdiff_t>(random() % changed.size());
    switch (i % 3) {
      case 0:
        at->hash = random();
        break;
      case 1:
        changed.erase(at);
        break;
      default:
        changed.insert(at, {random() % 20'000, random()});
    }
    anew += made_anew(before, pieces(changed));
  }
  // Now and then the file was a piece's first, or large.
  EXPECT_LT(anew, kChanges * 3 / 2);
}

TEST(CutByContent, FewFilesAreOnePiece) {
  EXPECT_EQ(cut_by_content({{0, 0}}, kMiB), std::vector<std::size_t>{0});
  EXPECT_EQ(cut_by_content({{kMiB, 1}, {kMiB, 2}, {kMiB, 3}}, 8 * kMiB), std::vector<std::size_t>{0});
  constexpr std::uint64_t kLast = ~std::uint64_t{0};
  EXPECT_EQ(cut_by_content({{kMiB, kLast}, {30 * kMiB, kLast}, {kMiB, kLast}}, 8 * kMiB),
            (std::vector<std::size_t>{0, 1, 2}));
}

TEST(CutByContent, FilesThatAreAllTheSameAreCutAsWell) {
  for (const std::uint64_t hash : {std::uint64_t{0}, ~std::uint64_t{0}}) {
    const std::vector<CutItem> same(10'000, CutItem{4096, hash});
    EXPECT_THAT(pieces(same).size(), testing::AllOf(testing::Ge(4U), testing::Le(kMost))) << hash;
  }
}

}  // namespace
}  // namespace kiln::build
