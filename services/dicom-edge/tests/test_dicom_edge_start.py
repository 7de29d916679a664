"""What a start costs."""

import subprocess
import sys


def test_a_start_loads_neither_pydicom_nor_pynetdicom() -> None:
    program = (
        "import sys, radbridge.dicom_edge.main;"
        "print([name for name in sys.modules if name.split('.')[0] in ('pydicom', 'pynetdicom')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
