// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibBit} from "solady/src/utils/LibBit.sol";

import {LevelsWord} from "./LevelsWord.sol";
import {WORDS} from "./PriceGrid.sol";

/// @title HeadsLib
/// @notice The numbers of the newest bids of words of levels in as few storage slots as they need: with 1,000 bids a
/// number has 10 bits, and 25 of them share a slot. `bidCount` says how wide they are, and must be the same in writing and reading.
library HeadsLib {
    /// @dev Slots for the numbers of `WORDS` bids, were they 25 bits wide: more than a bid's number has.
    struct Heads {
        Slot[(WORDS + 9) / 10] slots;
    }

    /// @dev As a struct it is written as it is; an array's bare element would be read and masked first.
    struct Slot {
        uint256 packed;
    }

    /// @notice Writes the list from the first slot on. What an earlier, longer list left behind it stays.
    function keep(Heads storage heads, LevelsWord[] memory words, uint256 bidCount) internal {
        unchecked {
            uint256 width = _width(bidCount);
            uint256 size = 32 * (256 / width);
            uint256 slot;
            (uint256 place, uint256 last) = _places(words);
            while (place < last) {
                uint256 end = place + size;
                if (end > last) end = last;
                uint256 packed;
                uint256 shift;
                for (; place < end; place += 32) {
                    packed |= _load(place).newestBidId() << shift;
                    shift += width;
                }
                heads.slots[slot++].packed = packed;
            }
        }
    }

    /// @dev Where in memory a list begins and ends.
    function _places(LevelsWord[] memory words) private pure returns (uint256 begin, uint256 end) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            begin := add(words, 0x20)
            end := add(begin, shl(5, mload(words)))
        }
    }

    /// @dev The word at this place in memory.
    function _load(uint256 place) private pure returns (LevelsWord word) {
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := mload(place)
        }
    }

    /// @notice The number at `index`, counted from 0.
    function at(Heads storage heads, uint256 index, uint256 bidCount) internal view returns (uint256) {
        unchecked {
            uint256 width = _width(bidCount);
            uint256 perSlot = 256 / width;
            return (heads.slots[index / perSlot].packed >> (index % perSlot * width)) & ((1 << width) - 1);
        }
    }

    /// @dev The bits of the highest number. There is at least one bid.
    function _width(uint256 bidCount) private pure returns (uint256) {
        unchecked {
            return LibBit.fls(bidCount) + 1;
        }
    }
}
