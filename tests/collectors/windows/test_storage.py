"""What a disk says of itself on Windows, laid out as STORAGE_DEVICE_DESCRIPTOR."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.windows.storage import device, volume_id

HEAD = 36


def descriptor(*, vendor: bytes, product: bytes, serial: bytes | None, bus: int, removable: bool) -> bytes:
    texts, offsets = b"\0" * 4, []
    for text in (vendor, product, b"1.00", serial):
        offsets.append(0 if text is None else HEAD + len(texts))
        texts += b"" if text is None else text + b"\0"
    head = struct.pack("<IIBB??IIIIII", 40, HEAD + len(texts), 0, 0, removable, False, *offsets, bus, len(texts))
    return head + texts


def test_a_stick_tells_vendor_product_and_serial() -> None:
    told = device(
        descriptor(vendor=b"SanDisk ", product=b"Ultra   ", serial=b"4C530001", bus=7, removable=True) + bytes(99)
    )
    assert (told.vendor, told.product, told.serial) == ("SanDisk", "Ultra", "4C530001")
    assert told.plugged_in


def test_a_usb_hard_disk_is_plugged_in_though_its_medium_is_not_removable() -> None:
    assert device(descriptor(vendor=b"WD", product=b"My Passport", serial=b"1", bus=7, removable=False)).plugged_in


def test_an_inner_disk_is_not_plugged_in() -> None:
    assert not device(descriptor(vendor=b"", product=b"NVMe", serial=None, bus=17, removable=False)).plugged_in


def test_a_device_without_serial_has_an_empty_one() -> None:
    assert device(descriptor(vendor=b"V", product=b"P", serial=None, bus=7, removable=True)).serial == ""


@given(st.binary(max_size=80))
def test_damaged_descriptors_are_refused_or_read(raw: bytes) -> None:
    if len(raw) < HEAD - 4:
        with pytest.raises(ValueError, match="bytes"):
            device(raw)
    else:
        device(raw)


def test_a_volume_is_named_as_other_systems_name_it() -> None:
    assert volume_id(0x1A2B3C4D) == "1A2B-3C4D"
