#include "netboot/tftp/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::tftp {
namespace {

using namespace std::string_literals;

TEST(TftpRequest, HasNameModeAndOptions) {
  const std::string datagram = "\0\1boot/ipxe.efi\0OcTeT\0BLKSIZE\0001468\0tsize\0000\0"s;
  EXPECT_EQ(parse_request(as_bytes(datagram)),
            (Request{false, "boot/ipxe.efi", "octet", {{"blksize", "1468"}, {"tsize", "0"}}}));
}

TEST(TftpRequest, MayBePadded) {
  EXPECT_EQ(parse_request(as_bytes("\0\1a\0octet\0\0\0\0"s)), (Request{false, "a", "octet", {}}));
}

TEST(TftpRequest, MayWantToWrite) { EXPECT_TRUE(parse_request(as_bytes("\0\2a\0octet\0"s)).write); }

struct BadCase {
  const char* name;
  std::string datagram;
  const char* message;
};

class BadRequest : public testing::TestWithParam<BadCase> {};

TEST_P(BadRequest, IsExplained) {
  try {
    parse_request(as_bytes(GetParam().datagram));
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tftp, BadRequest,
    testing::Values(BadCase{"Empty", "", "a datagram of 0 bytes, too short for TFTP"},
                    BadCase{"OneByte", "\0"s, "a datagram of 1 bytes, too short for TFTP"},
                    BadCase{"Acknowledgement", "\0\4\0\1"s, "expected a request (opcode 1 or 2), got opcode 4"},
                    BadCase{"NameWithoutEnd", "\0\1abc"s, "the file name does not end"},
                    BadCase{"ModeWithoutEnd", "\0\1abc\0octet"s, "the mode does not end"},
                    BadCase{"OptionWithoutEnd", "\0\1a\0octet\0blksi"s, "the name of an option does not end"},
                    BadCase{"ValueMissing", "\0\1a\0octet\0blksize\0"s, "the value of an option does not end"},
                    BadCase{"TooLong", "\0\1"s + std::string(2047, 'a'), "a request of 2049 bytes"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(TftpAnswer, IsAcknowledgementErrorOrNeither) {
  EXPECT_EQ(std::get<Acknowledge>(parse_answer(as_bytes("\0\4\xFE\x01"s))).block, 0xFE01);
  const Answer answer = parse_answer(as_bytes("\0\5\0\3disk full\0"s));
  EXPECT_EQ(std::get<ErrorMessage>(answer).code, 3);
  EXPECT_EQ(std::get<ErrorMessage>(answer).text, "disk full");
  EXPECT_EQ(std::get<ErrorMessage>(parse_answer(as_bytes("\0\5\0\0cut"s))).text, "cut");
  for (const std::string& other : {""s, "\0"s, "\0\4"s, "\0\4\1"s, "\0\1a\0octet\0"s, "\0\3\0\1x"s}) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_answer(as_bytes(other))));
  }
}

TEST(TftpPacket, BlockNumbersGoOnAtZero) {
  EXPECT_THAT(data_header(0x12345), testing::ElementsAre(std::byte{0}, std::byte{3}, std::byte{0x23}, std::byte{0x45}));
}

TEST(TftpPacket, ErrorsAndOptionsAreWritten) {
  EXPECT_EQ(error_packet(ErrorCode::file_not_found, "no such file"), "\0\5\0\1no such file\0"s);
  EXPECT_EQ(option_acknowledge_packet({{"blksize", "512"}, {"tsize", "7"}}), "\0\6blksize\000512\0tsize\0007\0"s);
}

}  // namespace
}  // namespace kiln::tftp
