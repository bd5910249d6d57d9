"""Prints "passed failed skipped" of a junit file.

ctest runs one program for each folder of tests, so the cases are counted from doctest's closing lines, which ctest
keeps in <system-out>. A program that failed without a failed case (a crash, a sanitizer) counts as one failure.
"""

import re
import sys
import xml.etree.ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")


def count(path):
    passed = failed = skipped = 0
    tree = xml.etree.ElementTree.parse(path).getroot()
    for case in tree.iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
        if case.find("skipped") is not None:
            skipped += 1
            continue
        output = re.sub(r"\x1b\[[0-9;]*m", "", case.findtext("system-out") or "")
        inner = [tuple(map(int, match)) for match in DOCTEST.findall(output)]
        if inner:
            passed += sum(numbers[1] for numbers in inner)
            failed += max(sum(numbers[2] for numbers in inner), 1 if bad else 0)
            skipped += sum(numbers[3] for numbers in inner)
        elif bad:
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*count(sys.argv[1]))
