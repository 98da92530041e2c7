"""``python -m napari_emseg`` is ``napari-emseg``."""

import sys

from napari_emseg.cli import main

if __name__ == "__main__":
    sys.exit(main())
