#!/usr/bin/env python3
"""Looks at every mail of the starter in a browser, as a telephone and a desktop would show it, by day and by night.

Each mail must fit its window, be readable (contrast of WCAG 2.2 AA, 14 px at least), name itself and its language,
describe its pictures, and have buttons that a thumb can hit. `--shots DIR` keeps pictures for people to look at.
"""

import argparse
import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WIDTHS = (375, 640)
SCHEMES = {"light": 1, "dark": 0}

# Runs in the page that holds all mails as frames, and leaves what it found in the document.
LOOK = r"""
const parse = (css) => (css.match(/[\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
  .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element, view) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = parse(view.getComputedStyle(at).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return view.matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
};
const shown = (element, view) => {
  for (let at = element; at; at = at.parentElement) {
    const style = view.getComputedStyle(at);
    if (style.display === "none" || style.visibility === "hidden") return false;
  }
  return true;
};
const look = (frame) => {
  const faults = [], page = frame.contentDocument, view = frame.contentWindow, seen = new Set();
  const say = (fault) => { if (!seen.has(fault)) { seen.add(fault); faults.push(fault); } };
  if (page.documentElement.scrollWidth > frame.clientWidth)
    say(`is ${page.documentElement.scrollWidth} px wide`);
  if (!page.title.trim()) say("has no title");
  if (!page.documentElement.lang) say("has no language");
  const walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  let words = 0;
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
    if (!text || !shown(element, view)) continue;
    words += text.split(/\s+/).length;
    const style = view.getComputedStyle(element);
    const [a, b] = [light(parse(style.color)), light(ground(element, view))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) say(`shows "${text.slice(0, 30)}" with a contrast of ${contrast.toFixed(1)}`);
    if (parseFloat(style.fontSize) < 14) say(`shows "${text.slice(0, 30)}" in ${style.fontSize}`);
  }
  if (words < 20) say(`shows ${words} words`);
  for (const image of page.images) if (!image.hasAttribute("alt")) say("has a picture without alt");
  for (const link of page.querySelectorAll("a[href]")) {
    const style = view.getComputedStyle(link);
    if (style.display === "inline-block" && link.getBoundingClientRect().height < 44)
      say(`has a button ${Math.round(link.getBoundingClientRect().height)} px high`);
  }
  return faults;
};
addEventListener("load", () => {
  const all = {};
  for (const frame of document.querySelectorAll("iframe")) all[frame.id] = look(frame);
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(all);
  document.body.replaceChildren(out);
});
"""

# One fault of each kind, so that a check that has gone blind is noticed.
FAULTY = """<!DOCTYPE html><html><head></head><body style="background: #fff">
<p style="color: #aaa">too pale to be read by most people on most screens</p>
<p style="font-size: 11px; color: #000">too small to be read by most people on most screens, too</p>
<div style="width: 900px; color: #000">too wide for any telephone that somebody may hold</div>
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><a href="https://acme.example"
style="display: inline-block; color: #000">low</a></body></html>"""
EXPECTED = ("px wide", "no title", "no language", "contrast", "in 11px", "without alt", "px high")


def browse(browser, page, scheme, width, arguments):
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
                   f"--window-size={width},1000", *arguments, page.resolve().as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)


def look(browser, scratch, mails, scheme):
    """Returns the faults of each mail at each width."""
    frames = [
        f'<iframe id="{html.escape(name)} at {width} px" width="{width}" height="900" '
        f'srcdoc="{html.escape(text)}"></iframe>'
        for name, text in mails.items() for width in WIDTHS
    ]
    page = scratch / f"{scheme}.html"
    head = '<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    page.write_text(f"{head}<script>{LOOK}</script>{''.join(frames)}", encoding="utf-8")
    done = browse(browser, page, scheme, 1000, ["--virtual-time-budget=10000", "--dump-dom"])
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    if not found:
        sys.exit(f"{browser} did not look at the mails:\n{done.stderr[-2000:]}")
    return json.loads(html.unescape(found.group(1)))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--drip", required=True, type=pathlib.Path)
    options.add_argument("--shots", type=pathlib.Path, help="a folder for pictures")
    options = options.parse_args()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        print("no Chromium here, so nobody looked at the mails", file=sys.stderr)
        sys.exit(2)
    drip = options.drip.resolve()
    with tempfile.TemporaryDirectory() as folder:
        scratch = pathlib.Path(folder)
        for command in (["init", "starter"], ["-C", "starter", "preview", "--all", str(scratch / "mails")]):
            subprocess.run([drip, *command], cwd=scratch, check=True, capture_output=True)
        files = sorted(path for path in (scratch / "mails").glob("*/*.html"))
        mails = {str(path.relative_to(scratch / "mails")): path.read_text(encoding="utf-8") for path in files}
        assert len(mails) >= 12, f"the starter has {len(mails)} mails"

        faults = look(browser, scratch, {"faulty": FAULTY}, "light")["faulty at 375 px"]
        blind = [kind for kind in EXPECTED if not any(kind in fault for fault in faults)]
        assert not blind, f"the check no longer sees: {blind}, only {faults}"

        wrong = 0
        for scheme in SCHEMES:
            found = look(browser, scratch, mails, scheme)
            assert len(found) == len(mails) * len(WIDTHS), f"only {len(found)} of the mails were looked at"
            for mail, faults in found.items():
                for fault in faults:
                    wrong += 1
                    print(f"{mail}, {scheme}: {fault}")
        if options.shots:
            options.shots.mkdir(parents=True, exist_ok=True)
            for path in files:
                for scheme in SCHEMES:
                    for width in WIDTHS:
                        shot = options.shots.resolve() / f"{path.parent.name}-{path.stem}-{width}-{scheme}.png"
                        browse(browser, path, scheme, width, [f"--screenshot={shot}"])
        print(f"{len(mails)} mails at {len(WIDTHS)} widths, light and dark: {wrong} faults")
        sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
