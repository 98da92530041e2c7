"""Everything a person can do, in one table: buttons, keys, menu, command palette and key sheet read it."""

from __future__ import annotations

from dataclasses import dataclass

from napari_emseg.proofread import ACTIONS as CORRECTIONS

_FLOWS = "napari_emseg.ui.flows"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Parameters
    ----------
    title : str
        Verb in the biologist's words.
    key : str
        In napari's spelling, or empty. Keys that napari itself uses for viewer, image or labels are free
        of ours: napari wins.
    help : str
        One sentence for tooltips and the key sheet.
    target : str
        ``module:function``; called with the desk.
    stage : str
        Stage whose panel speaks about it; empty: the open one.
    writes : bool
        Whether it takes a while or says nothing, and comes to nothing in a project that can only be read: refused at once there.
    """

    title: str
    key: str
    help: str
    target: str
    stage: str = ""
    writes: bool = False

    @property
    def key_words(self) -> str:
        """The key as people write it."""
        return self.key.replace("Control", "Ctrl").replace("-", "+") if self.key else ""


def _correction(name: str) -> Action:
    """What the table of corrections says of one of them, done by a tool of the window."""
    found = CORRECTIONS[name]
    return Action(found.title, found.key, found.help, f"{_FLOWS}.proofreading:{name}", "proofread")


ACTIONS: dict[str, Action] = {
    "open_phantom": Action(
        "Open the phantom sample", "", "A synthetic stack with exact ground truth; needs no network",
        f"{_FLOWS}.opening:open_phantom", "data",
    ),
    "work_on_other": Action(
        "Work on the other stack", "", "Close the stack that is open, with all that was done to it kept, and work on another one",
        f"{_FLOWS}.other_stack:work_on", "data",
    ),
    "open_vnc": Action(
        "Open the fly nerve cord", "", "16 real ssTEM sections of a Drosophila larva",
        f"{_FLOWS}.opening:open_vnc", "data",
    ),
    "find_bad": Action(
        "Look for bad sections", "", "Lists sections that are missing, blurred, dark, shifted, folded ...; you decide",
        f"{_FLOWS}.cleaning:find_bad", "cleanup",
    ),
    "flip_preview": Action(
        "Before or after", "", "The section on screen without and with the clean-up",
        f"{_FLOWS}.cleaning:flip", "cleanup",
    ),
    "clean_up": Action(
        "Clean the whole stack", "", "Makes a cleaned copy in the project; your file is not changed",
        f"{_FLOWS}.cleaning:clean_up", "cleanup",
    ),
    "estimate_shifts": Action(
        "Estimate shifts", "", "Compares every section with those before it; you correct the table",
        f"{_FLOWS}.aligning:estimate", "cleanup",
    ),
    "estimate_bending": Action(
        "Bend sections too", "", "Also finds how sections are stretched against their neighbours, after the shifts",
        f"{_FLOWS}.aligning:estimate_elastic", "cleanup",
    ),
    "align": Action(
        "Work on an aligned copy", "", "Makes an aligned copy beside the project, with your labels; your file stays as it is",
        f"{_FLOWS}.aligning:align", "cleanup",
    ),
    "use_original": Action(
        "Use the original", "", "Work on your own stack again; the cleaned copy is kept",
        f"{_FLOWS}.cleaning:use_original", "cleanup",
    ),
    "use_cleaned": Action(
        "Use the cleaned copy", "", "Work on the cleaned copy again", f"{_FLOWS}.cleaning:use_cleaned", "cleanup",
    ),
    "forget_cleaned": Action(
        "Forget the copy", "", "Remove the cleaned copy from the project; labels stay",
        f"{_FLOWS}.cleaning:forget_cleaned", "cleanup",
    ),
    "predict": Action(
        "Predict what I see", "Shift-S", "Membrane probability of the region on screen",
        f"{_FLOWS}.predicting:predict_visible", "predict",
    ),
    "take_membranes": Action(
        "Take the membranes of this layer", "", "Take the membranes from the file that another layer shows",
        f"{_FLOWS}.given:take_layer", "predict",
    ),
    "turn_membranes": Action(
        "It shows cells", "", "Read the file of membranes the other way round: its values are high in cells",
        f"{_FLOWS}.given:turn", "predict",
    ),
    "mark_examples": Action(
        "On it", "", "Click on a few places that are what you look for, in any section",
        f"{_FLOWS}.examples:mark_on", "predict",
    ),
    "mark_counterexamples": Action(
        "Beside it", "", "Click on a few places that are something else, lookalikes first",
        f"{_FLOWS}.examples:mark_beside", "predict",
    ),
    "find_alike": Action(
        "Find more like it", "", "Every pixel on screen is compared with the places that you clicked on",
        f"{_FLOWS}.examples:find_alike", "predict",
    ),
    "forget_examples": Action(
        "Forget the clicks", "", "Remove the clicks and what was found with them",
        f"{_FLOWS}.examples:forget", "predict",
    ),
    "segment": Action(
        "Segment what I see", "S", "Predict where needed, place seeds, grow them to segments",
        f"{_FLOWS}.segmenting:segment_visible", "segment", writes=True,
    ),
    "place_seeds": Action(
        "Place seeds", "", "Click into cells: each dot becomes one segment. Once more ends it",
        f"{_FLOWS}.seeding:place", "segment",
    ),
    "seed_here": Action(
        "Seed here", "Shift-G", "Puts a seed under the mouse; on a dot, takes that away",
        f"{_FLOWS}.seeding:seed_here", "segment",
    ),
    "forget_seeds": Action(
        "Forget my seeds", "", "Takes away all seeds that you placed, and brings back those that you struck out",
        f"{_FLOWS}.seeding:forget", "segment",
    ),
    "join_shown": Action(
        "Join as shown", "", "Keep what the slider Join below shows: pieces of one cell become one object",
        f"{_FLOWS}.joining:join_shown", "segment",
    ),
    "grow": Action(
        "Grow here", "G", "The object under the mouse grows into empty space up to the membranes; over empty space a new one",
        f"{_FLOWS}.growing:grow_here", "proofread", writes=True,
    ),
    "propagate": Action(
        "Carry ids onwards", "W", "Give the same ids to the same objects in the next sections",
        f"{_FLOWS}.propagating:propagate", "propagate", writes=True,
    ),
    "merge": _correction("merge"),
    "cut": _correction("cut"),
    "lock": _correction("lock"),
    "interpolate": _correction("interpolate"),
    "show_tidy": Action(
        "Tidy", "", "Fill holes, take specks and hairs away, in this section or in all: what would change is shown",
        f"{_FLOWS}.tidying:show_tidy", "proofread",
    ),
    "tidy": Action(
        "Tidy objects", "", "Do what the page Tidy is set to, around what is proofread, left out or locked",
        f"{_FLOWS}.tidying:tidy", "proofread", writes=True,
    ),
    "new_object": Action(
        "New id", "M", "Paint with an id that no object has had",
        f"{_FLOWS}.proofreading:new_object", "proofread",
    ),
    "paint_ours": Action(
        "Paint into the project", "", "Choose the labels of the project, which are kept, and the same tool",
        f"{_FLOWS}.proofreading:paint_ours", "proofread",
    ),
    "put_down": Action(
        "Put the tool down", "Escape", "End merging or cutting, back to moving the view; without a tool, close the open page",
        f"{_FLOWS}.proofreading:put_down",
    ),
    "mark_proofread": Action(
        "Mark section proofread", "R", "This section is right: it teaches the model. Goes to the next one",
        f"{_FLOWS}.proofreading:mark_proofread", "proofread",
    ),
    "mark_unseen": Action(
        "Take the mark back", "", "This section is not finished: it does not teach the model",
        f"{_FLOWS}.proofreading:take_mark_back", "proofread",
    ),
    "suggest": Action(
        "What next?", "", "The model looks at all open sections and names the one that would teach it most",
        f"{_FLOWS}.suggesting:suggest", "proofread",
    ),
    "suggest_again": Action(
        "Look again", "", "The model looks at all open sections anew",
        f"{_FLOWS}.suggesting:look_again", "proofread",
    ),
    "go_suggested": Action(
        "Go to the suggested section", "", "The best suggestion that is still open; again for the one after it",
        f"{_FLOWS}.suggesting:go_on", "proofread",
    ),
    "exclude": Action(
        "Exclude section", "Shift-X", "Leave this section out: a fold, a crack, a missing one",
        f"{_FLOWS}.proofreading:exclude", "proofread",
    ),
    "train": Action(
        "Learn from proofread sections", "T", "Teach a copy of the model in the background",
        f"{_FLOWS}.learning:learn", "train", writes=True,
    ),
    "accept_model": Action(
        "Use the new model", "", "Predict with the new model from now on; the old one stays in the list",
        f"{_FLOWS}.learning:accept", "train",
    ),
    "discard_model": Action(
        "Discard it", "", "Keep the present model", f"{_FLOWS}.learning:discard", "train",
    ),
    "use_version": Action(
        "Use this version", "", "Predict with the chosen version from now on; all versions are kept",
        f"{_FLOWS}.learning:use_version", "train",
    ),
    "inspect_augmentations": Action(
        "Inspect augmentations", "", "See how samples are varied before a model learns with them",
        f"{_FLOWS}.augmenting:inspect", "train",
    ),
    "previous_section": Action(
        "Previous section", ",", "One section back", f"{_FLOWS}.proofreading:previous_section",
    ),
    "next_section": Action(
        "Next section", ".", "One section on", f"{_FLOWS}.proofreading:next_section",
    ),
    "show_sections": Action(
        "Back to sections", "", "Show one section from above, where everything can be painted",
        f"{_FLOWS}.proofreading:show_sections",
    ),
    "lay_back": Action(
        "Lay it back", "", "Put the layers of the project on the image again",
        "napari_emseg.ui.displaced:lay_back",
    ),
    "next_unproofread": Action(
        "Next section to proofread", "Shift-R", "Go to the next section that has no mark",
        f"{_FLOWS}.proofreading:next_unproofread",
    ),
    "next_doubt": Action(
        "Next doubt", "N", "Go to the next doubtful link, the least certain first",
        f"{_FLOWS}.doubting:next_doubt", "proofread",
    ),
    "previous_doubt": Action(
        "Previous doubt", "Shift-N", "Go to the doubtful link before", f"{_FLOWS}.doubting:previous_doubt", "proofread",
    ),
    "accept_doubt": Action(
        "Same object", "Shift-Y", "This doubtful link is right. Goes to the next one",
        f"{_FLOWS}.doubting:accept_doubt", "proofread", writes=True,
    ),
    "reject_doubt": Action(
        "Two objects", "J", "This link is wrong: what goes on from here becomes an object of its own",
        f"{_FLOWS}.doubting:reject_doubt", "proofread", writes=True,
    ),
    "decide_later": Action(
        "Later", "K", "Put this doubt at the end of the queue",
        f"{_FLOWS}.doubting:decide_later", "proofread", writes=True,
    ),
    "find": Action(
        "Find", "Shift-F", "Go to an object, a section, a place, or a word of the history",
        f"{_FLOWS}.finding:find",
    ),
    "show_branches": Action(
        "Branches", "Shift-B", "The tree of the object under the mouse through the sections",
        f"{_FLOWS}.branching:show_branches",
    ),
    "compare": Action(
        "Compare two segmentations", "", "Scores, a table of errors that leads to each of them, and a map of the errors",
        f"{_FLOWS}.comparing:compare",
    ),
    "undo": Action(
        "Undo", "Control-Z", "Take the last edit back, whatever it was", f"{_FLOWS}.proofreading:undo",
    ),
    "redo": Action(
        "Redo", "Control-Shift-Z", "Make the last undone edit again", f"{_FLOWS}.proofreading:redo",
    ),
    "show_history": Action(
        "History", "Shift-H", "Who did what, where and when; bring an earlier moment back",
        f"{_FLOWS}.history:show_history",
    ),
    "find_synapses": Action(
        "Find synapses", "", "Clefts, the cells on their two sides, and which of them is presynaptic",
        f"{_FLOWS}.synapses:find_synapses", "synapses",
    ),
    "next_synapse": Action(
        "Next pair", "Q", "Go to the next pair of cells at a synapse that nobody has looked at, the least sure first",
        f"{_FLOWS}.synapse_queue:next_pair", "synapses",
    ),
    "previous_synapse": Action(
        "Previous pair", "Shift-Q", "Go to the pair of cells at a synapse before", f"{_FLOWS}.synapse_queue:previous_pair",
        "synapses",
    ),
    "synapse_right": Action(
        "Pair is right", "A", "This pair of cells has a synapse here, in this direction. Goes to the next one",
        f"{_FLOWS}.synapse_queue:right", "synapses",
    ),
    "synapse_wrong": Action(
        "No such pair", "Shift-D", "These two cells have no synapse here. Goes to the next pair",
        f"{_FLOWS}.synapse_queue:wrong", "synapses",
    ),
    "turn_synapse": Action(
        "Turn pair round", "Shift-T", "The pair is right, but the other cell is presynaptic. Goes to the next one",
        f"{_FLOWS}.synapse_queue:turn_round", "synapses",
    ),
    "save_synapse_sites": Action(
        "Save for CREMI", "", "Sites and partners as in CREMI (.hdf), without pairs that you called wrong",
        f"{_FLOWS}.synapses:ask_sites", "synapses",
    ),
    "save_synapse_table": Action(
        "Save table", "", "One row a pair (.csv): cells, places in nm, confidence, and what you said of it",
        f"{_FLOWS}.synapses:ask_table", "synapses",
    ),
    "measure": Action(
        "Measure all objects", "", "Calibre, contact area, volume and surface of every object of this project",
        f"{_FLOWS}.measuring:measure_all", "measure",
    ),
    "measure_object": Action(
        "Measure the picked object", "", "The object whose id is picked in the labels layer",
        f"{_FLOWS}.measuring:measure_object", "measure",
    ),
    "save_measurements": Action(
        "Save tables", "", "As comma-separated values: objects, and beside them their contacts",
        f"{_FLOWS}.measuring:ask_table", "measure",
    ),
    "save_measure_report": Action(
        "Save report", "", "A folder with all tables, figures, correlations and a methods paragraph",
        f"{_FLOWS}.measuring:ask_report", "measure",
    ),
    "export": Action(
        "Export", "Shift-E", "Write labels, tables or the methods paragraph to a file",
        f"{_FLOWS}.exporting:ask_export", "export",
    ),
    "save_copy": Action(
        "Save a copy", "", "Another project folder with all of this one; corrections made in it can be imported",
        f"{_FLOWS}.sharing:save_copy", "data",
    ),
    "pack": Action(
        "Pack for a colleague", "", "One file with everything, with or without the image",
        f"{_FLOWS}.sharing:pack", "data",
    ),
    "import_corrections": Action(
        "Import corrections", "", "Bring in what a colleague did in a copy or pack of this project",
        f"{_FLOWS}.sharing:import_corrections", "data",
    ),
    "find_image": Action(
        "Find the image", "", "Say where the image of this project lies now",
        f"{_FLOWS}.sharing:find_image", "data",
    ),
    "keep_image": Action(
        "The labels fit", "", "The image that is open is the right one for these labels; it is not asked again",
        f"{_FLOWS}.opening:keep_image", "data",
    ),
    "remake_project": Action(
        "Make it anew", "", "Write the lost file of this project anew; labels and history are as they were",
        f"{_FLOWS}.opening:remake_project", "data",
    ),
    "show_conflicts": Action(
        "Conflicts", "", "Where a colleague and you changed the same pixels",
        f"{_FLOWS}.conflicts:show_conflicts",
    ),
    "keep_mine": Action(
        "Keep mine", "Shift-K", "This conflict: the labels stay as they are here. Goes to the next one",
        f"{_FLOWS}.conflicts:keep_mine",
    ),
    "take_theirs": Action(
        "Take theirs", "Shift-J", "This conflict: the labels become as your colleague has them. Goes to the next one",
        f"{_FLOWS}.conflicts:take_theirs",
    ),
    "next_conflict": Action(
        "Decide later", "", "Go to the next conflict", f"{_FLOWS}.conflicts:next_conflict",
    ),
    "reopen": Action(
        "Open it for editing", "", "Open this project again, now that the other window has closed it",
        f"{_FLOWS}.opening:reopen", "data",
    ),
    "open_again": Action(
        "Open it again", "", "The stack whose layer was removed from the list, as it was left",
        f"{_FLOWS}.opening:open_again", "data",
    ),
    "close_lost": Action(
        "Close the stack without it", "", "What was painted last goes with the project that was deleted or moved",
        f"{_FLOWS}.closing:close_lost", "data",
    ),
    "forget_missing": Action(
        "Take it off the list", "", "Recent projects that are not there any more are not shown again",
        f"{_FLOWS}.opening:forget_missing", "data",
    ),
    "take_labels": Action(
        "Take labels over", "", "Write another label layer into this project, resampled where it has other voxels",
        f"{_FLOWS}.taking_over:take_over", "data",
    ),
    "show_keys": Action(
        "All keys", "F1", "Show or hide this list", f"{_FLOWS}.asking:show_keys",
    ),
}  # fmt: skip
"""Name of the action to the action, in the order of the key sheet."""

HOLD_OVERLAYS = Action("Hold: hide overlays", "H", "See the bare image while the key is down", "")
"""Held keys are not actions: they end when the key comes up."""
