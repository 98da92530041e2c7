"""VAST: colours that are ids, the segment table, tiles, and classes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from napari_emseg.core.errors import EmsegError
from napari_emseg.io import open_array, write_array
from napari_emseg.io.classes import KeptLabels, ids_of_class, read_classes
from napari_emseg.io.opening import open_volume
from napari_emseg.io.vast import VastStack, label_look
from napari_emseg.io.vast_ids import MOST_IDS, colours_of, ids_of
from napari_emseg.io.vast_table import VastSegment, VastTable, read_vast_table, write_vast_table
from napari_emseg.io.vast_writing import VastExport, write_vast

EDGES = [0, 1, 255, 256, 65535, 65536, MOST_IDS - 1]

# Axon 2 lies in folder 1 "Axons"; "Glia" 3 is a root of its own.
TABLE = """\
% VAST segmentation metadata
%Columns: Nr  flags  red1 green1 blue1 pattern1  ...
0   0   0 0 0 0   0 0 0 0   -1 -1 -1   0 0 0 1   0   -1 -1 -1 -1 -1 -1   "Background"
1   65536   255 0 0 0   255 0 0 0   -1 -1 -1   0 2 0 3   1   -1 -1 -1 -1 -1 -1   "Axons"
2   1   10 20 30 4   40 50 60 5   7 8 9   1 0 0 0   2   1 2 3 4 5 6   "he said "hm, 100 %" µ; \\ 'x'"
3   1   0 0 255 0   0 0 0 0   1 1 1   0 0 1 0   3   0 0 0 9 9 9   "Glia"
"""


def table(folder: Path, text: str = TABLE) -> Path:
    (folder / "meta.txt").write_text(text, "utf-8")
    return folder / "meta.txt"


def test_colours_by_hand() -> None:
    image = np.array([[[0, 0, 1], [0, 1, 0], [1, 0, 0], [255, 255, 255]]], np.uint8)
    assert ids_of(image).tolist() == [[1, 256, 65536, MOST_IDS - 1]]
    np.testing.assert_array_equal(colours_of(ids_of(image), ""), image)


@pytest.mark.parametrize("dtype", [">u4", ">i8", "uint8", "uint16", "uint32", "uint64", "int64"])
def test_edge_ids_come_back(tmp_path: Path, dtype: str) -> None:
    ids = np.array([[[i for i in EDGES if i <= np.iinfo(dtype).max]]], dtype)
    write_vast(tmp_path / "v", ids, None, VastExport())
    back = open_volume(tmp_path / "v")
    assert back.is_labels
    np.testing.assert_array_equal(back.array[:], ids.astype(np.uint32))


@pytest.mark.parametrize("bad", [MOST_IDS, -1])
def test_ids_that_do_not_fit_are_refused_with_a_remedy(tmp_path: Path, bad: int) -> None:
    with pytest.raises(EmsegError, match=rf"do not fit 24 bits: {bad}.*renumber"):
        colours_of(np.array([[1, bad]], np.int64), "here")


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 1, 3, 4, 16]), st.integers(0, 2**32)
)  # fmt: skip
def test_any_ids_any_tiles(
    tmp_path_factory: pytest.TempPathFactory, z: int, y: int, x: int, tile: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.choice([*EDGES, *rng.integers(0, MOST_IDS, 4)], (z, y, x)).astype(np.uint32)
    folder = tmp_path_factory.mktemp("v") / "v"
    export = VastExport("%04d_tr%d-tc%d.png" if tile else "seg_s%03d.png", tile, offset=(3, 10, 20))
    made = write_vast(folder, ids, (40.0, 8.0, 8.0), export)
    back = open_volume(folder)
    np.testing.assert_array_equal(back.array[:], ids)
    np.testing.assert_array_equal(
        back.array[z - 1, y // 2 :, : x // 2 + 1], ids[z - 1, y // 2 :, : x // 2 + 1]
    )
    assert back.spacing_nm == (40, 8, 8)
    for s in made.segments[1:]:
        inside = np.argwhere(ids == s.id) + np.array([3, 10, 20])
        assert s.box == (*inside.min(0)[::-1], *inside.max(0)[::-1])
        assert any((point == s.anchor[::-1]).all() for point in inside)
    assert {s.id for s in made.segments} == set(ids.ravel().tolist()) | {0}
    assert isinstance(back.array, VastStack)
    assert back.array.table == made


@pytest.mark.parametrize(
    "pattern", ["seg_s{:03d}.png", "KK_mask1_em_export_s{:03d}.png", "NAME_s{:04d}.png", "{}.png"]
)
def test_sections_by_number_and_not_by_letter(tmp_path: Path, pattern: str) -> None:
    ids = np.arange(12 * 6, dtype=np.uint32).reshape(12, 2, 3) * 1000
    for z, section in enumerate(ids):
        Image.fromarray(colours_of(section, "")).save(tmp_path / pattern.format(z + 995))
    np.testing.assert_array_equal(open_array(f"{tmp_path}::vast")[0][:], ids)
    with pytest.raises(EmsegError, match="colour image"):
        open_array(tmp_path)[0][:]


def test_tiles_of_rows_and_columns(tmp_path: Path) -> None:
    ids = np.arange(2 * 5 * 7, dtype=np.uint32).reshape(2, 5, 7) + 70_000
    for z in range(2):
        for r in range(2):
            for c in range(3):
                part = colours_of(ids[z, r * 3 : r * 3 + 3, c * 3 : c * 3 + 3], "")
                Image.fromarray(part).save(tmp_path / f"{z:04d}_tr{r + 1}-tc{c + 1}.png")
    array = open_array(f"{tmp_path}::vast")[0]
    np.testing.assert_array_equal(array[:], ids)
    np.testing.assert_array_equal(array[1, 2:4, 2:7], ids[1, 2:4, 2:7])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array))[:], ids)
    (tmp_path / "0001_tr2-tc1.png").unlink()
    gone = open_array(f"{tmp_path}::vast")[0]
    assert gone.notes == ("1 of 12 tiles is missing and shown as 0; the first: section 1, row 2, column 1",)
    assert not gone[1, 3:, :3].any()


def test_tiles_of_a_part_of_a_section_begin_with_the_first_that_is_there(tmp_path: Path) -> None:
    ids = np.arange(5 * 7, dtype=np.uint32).reshape(1, 5, 7) + 70_000
    for r in range(2):
        for c in range(3):
            part = colours_of(ids[0, r * 3 : r * 3 + 3, c * 3 : c * 3 + 3], "")
            Image.fromarray(part).save(tmp_path / f"0000_tr{r + 5}-tc{c + 2}.png")
    np.testing.assert_array_equal(open_array(f"{tmp_path}::vast")[0][:], ids)
    Image.fromarray(part[:1]).save(tmp_path / "0000_tr5-tc2.png")
    with pytest.raises(EmsegError, match=r"0000_tr5-tc2.png is \(1, 1\) and not \(3, 3\)"):
        open_array(f"{tmp_path}::vast")


def test_an_export_lies_in_the_whole_data_set(tmp_path: Path) -> None:
    """Files and boxes count from the offset, in voxels of the full resolution; anchors lie where an object is largest."""
    ids = np.zeros((3, 4, 5), np.uint32)
    ids[0, 1, 1], ids[1, 1:3, 1:3], ids[2, 3, 4] = 8, 8, 8
    made = write_vast(tmp_path / "v", ids, None, VastExport(mip=2, offset=(30, 100, 1000)))
    assert sorted(p.name for p in (tmp_path / "v").glob("*.png")) == [f"seg_s03{k}.png" for k in range(3)]
    assert made[8].box == (1000 + 4, 100 + 4, 30, 1000 + 19, 100 + 15, 32)
    assert made[8].anchor == (1000 + 4, 100 + 8, 31)
    with pytest.raises(EmsegError, match="cannot be negative"):
        VastExport(offset=(0, -1, 0))


def test_new_segments_follow_the_last_root_and_not_its_children(tmp_path: Path) -> None:
    known = VastTable((VastSegment(1, "root", child=2), VastSegment(2, "child", parent=1)))
    made = write_vast(tmp_path / "v", np.array([[[2, 9]]], np.uint32), None, VastExport(table=known))
    assert (made[9].previous, made[1].following, made[2].following) == (1, 9, 0)
    assert made[0].following == 1  # the background, which the table lacked, leads to the tree


def test_the_table_is_read_and_written_without_loss(tmp_path: Path) -> None:
    read = read_vast_table(table(tmp_path))
    assert read[2] == VastSegment(
        2, "he said \"hm, 100 %\" µ; \\ 'x'", 1, (10, 20, 30, 4), (40, 50, 60, 5), (7, 8, 9), 1, 0, 0, 0, 2,
        (1, 2, 3, 4, 5, 6),
    )  # fmt: skip
    assert read[1].flags == 65536
    assert read.comments[0] == "% VAST segmentation metadata"
    assert read.problems() == ()
    write_vast_table(tmp_path / "again.txt", read)
    assert read_vast_table(tmp_path / "again.txt") == read


names = st.text(st.characters(blacklist_characters="\n\r\0", blacklist_categories=["Cs"]), max_size=12)
whole = st.integers(-(2**31), 2**31)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(names, st.lists(whole, min_size=23, max_size=23)), min_size=1, max_size=5))
def test_any_table_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[int]]]
) -> None:
    segments = tuple(
        VastSegment(
            i, n, v[0], tuple(v[1:5]), tuple(v[5:9]), tuple(v[9:12]), *v[12:17], box=tuple(v[17:23])  # type: ignore[arg-type]
        )
        for i, (n, v) in enumerate(rows)
    )  # fmt: skip
    path = tmp_path_factory.mktemp("t") / "t.txt"
    write_vast_table(path, VastTable(segments))
    assert read_vast_table(path).segments == segments


def test_names_in_the_alphabet_of_windows(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(TABLE.replace("Glia", "Größe").encode("cp1252"))
    assert read_vast_table(tmp_path / "t.txt")[3].name == "Größe"


def test_a_name_of_two_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmsegError, match="several lines"):
        write_vast_table(tmp_path / "t.txt", VastTable((VastSegment(1, "a\nb"),)))


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("% only\n", "no segment"), ("1 2 3\n", "line 1 is no segment"), (TABLE + TABLE.splitlines()[5], "twice"),
     ("-" + TABLE.splitlines()[5] + "\n", "line 1 is no segment")],
    ids=["empty", "comments", "short", "twice", "negative"],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(EmsegError, match=says):
        read_vast_table(table(tmp_path, text))


def test_the_classes_that_are_not_named_are_counted(tmp_path: Path) -> None:
    row = '{0} 1  0 0 255 0  0 0 0 0  1 1 1  0 0 0 0  {0}  0 0 0 9 9 9  "c{0}"'
    lines = [row.format(n) for n in range(1, 16)]
    with pytest.raises(EmsegError, match="c12 and 3 more"):
        read_vast_table(table(tmp_path, "\n".join(lines))).ids_below("none")


def test_a_tree_in_a_circle_does_not_hang(tmp_path: Path) -> None:
    read = read_vast_table(table(tmp_path, TABLE.replace("0 2 0 3   1", "2 2 0 9   1")))
    assert read.ids_below("axons") == {1, 2}
    assert read.problems() == (
        "segment 1 has sibling 9, which does not exist",
        "segment 1 is its own ancestor",
        "segment 2 is its own ancestor",
    )


def test_an_export_keeps_names_and_tree_and_adds_what_is_new(tmp_path: Path) -> None:
    ids = np.array([[[2, 2, 9], [3, 0, 9]]], np.uint32)
    write_vast(tmp_path / "v", ids, None, VastExport(table=read_vast_table(table(tmp_path)), mip=2))
    back = read_vast_table(tmp_path / "v" / "segments.txt")
    assert [s.name for s in back.segments[:4]] == [
        "Background",
        "Axons",
        read_vast_table(tmp_path / "meta.txt")[2].name,
        "Glia",
    ]
    assert back[2].parent == 1
    assert back[2].box == (0, 0, 0, 7, 3, 0)  # two pixels of mip 2 are eight of the full resolution
    assert back[9].previous == 3
    assert back[3].following == 9
    assert back[9].name == "Segment 9"
    assert back.problems() == ()


def test_colours_names_and_classes_for_napari(tmp_path: Path) -> None:
    look = label_look(read_vast_table(table(tmp_path)))
    assert look["colormap"][3] == (0, 0, 1, 1)
    assert look["features"]["index"].tolist() == [1, 2, 3]
    assert look["features"]["class"].tolist() == ["", "Axons", ""]


def test_classes_are_taken_out_and_the_rest_stays(tmp_path: Path) -> None:
    labels = np.array([[[0, 1, 2], [3, 3, 70000]]], np.uint32)
    axons = ids_of_class(table(tmp_path), "axons")
    assert axons == {1, 2}
    assert KeptLabels(labels, axons, keep=False)[:].tolist() == [[[0, 0, 0], [3, 3, 70000]]]
    assert KeptLabels(labels, axons, keep=True)[:].tolist() == [[[0, 1, 2], [0, 0, 0]]]
    (tmp_path / "c.csv").write_text("id,class\n3,Schwann cell\n1,axon\n70000,schwann cell\n")
    assert ids_of_class(tmp_path / "c.csv", "Schwann Cell") == {3, 70000}
    with pytest.raises(EmsegError, match="there are Schwann cell"):
        ids_of_class(tmp_path / "c.csv", "nucleus")
    (tmp_path / "c.csv").write_text("1,axon\n1,glia\n")
    with pytest.raises(EmsegError, match="two classes"):
        ids_of_class(tmp_path / "c.csv", "axon")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,axon\nx,y", "line 2"),
        ("1,axon\n²,glia", "line 2"),  # counts as a digit, and is no number
        ("1,axon\n" + "7" * 5000 + ",glia", "line 2"),
        ("1", "line 1"),
        ("id,class\n", "names no object"),
    ],
    ids=["no id", "a power", "too long", "one column", "heading only"],
)
def test_a_wrong_class_table_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "c.csv").write_text(text, "utf-8")
    with pytest.raises(EmsegError, match=says):
        read_classes(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("pattern", "tile"),
    [("seg.png", 0), ("../s%d.png", 0), ("s%s%d.png", 0), ("s%03d.png", 4), ("%d_%d_%d.png", 0)],
)
def test_bad_patterns(pattern: str, tile: int) -> None:
    with pytest.raises(EmsegError):
        VastExport(pattern, tile)


def test_two_tables_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_vast(tmp_path / "v", np.ones((1, 2, 2), np.uint8), None, VastExport())
    table(tmp_path / "v")
    with pytest.raises(EmsegError, match="several segment tables"):
        open_array(tmp_path / "v")


def test_our_own_sections_and_vast_agree(tmp_path: Path) -> None:
    ids = np.array([[EDGES]], np.uint32)
    write_array(f"{tmp_path}/own/", ids, spacing_nm=(50, 4, 4))
    np.testing.assert_array_equal(open_array(f"{tmp_path}/own::vast")[0][:], ids)
    assert json.loads((tmp_path / "own/stack.json").read_text())["encoding"].startswith("id = R")
