"""The containers' health check: exits with 0 if every URL given answers 200. Needs nothing but Python."""

import sys
import urllib.request

_TIMEOUT_SECONDS = 4.0


def main(urls: list[str]) -> int:
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS):
                pass
        except OSError as error:  # a URLError or HTTPError too
            sys.stderr.write(f"{url}: {error}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
