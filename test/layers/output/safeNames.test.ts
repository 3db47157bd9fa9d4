/** Safe folder names for arbitrary text, and names of generated files. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { fileName, fileNumber, fileTypeOf, mimeTypeOf } from "../../../layers/output/fileTypes.ts"
import { safeName } from "../../../layers/output/safeNames.ts"

test("safe names are unchanged", () => {
  for (const name of [
    "Acme",
    "Q3",
    "Müller & Söhne",
    "株式会社",
    "Q3 2026 (final)",
    "a.b",
    "Größe +3%",
    "שלום"
  ])
    expect(safeName(name)).toBe(name.normalize("NFC"))
})

test("unsafe names are made safe", () => {
  const cases = [
    ["../../etc/passwd", "etc-passwd"],
    ["a/b\\c", "a-b-c"],
    ["nul", "_nul"],
    ["CON.txt", "_CON.txt"],
    ["com¹", "_com¹"],
    ["LPT9.", "_LPT9"],
    [".hidden", "hidden"],
    ["trailing. . ", "trailing"],
    ["a\u0000b", "a-b"],
    ["\u202eevil", "evil"],
    ["~root", "root"],
    ["-rf", "rf"],
    ["C:\\Windows", "C-Windows"],
    ["e\u0301", "\u00e9"],
    ["a\ud800b", "a\ufffdb"]
  ] as const
  for (const [given, expected] of cases) expect([given, safeName(given)]).toEqual([given, expected])
})

test("names without a letter or digit are rejected", () => {
  for (const name of ["", ".", "..", "...", "/", "   ", "\u0000", "---", "\u200b", "/../", "🎉"])
    expect([name, safeName(name)]).toEqual([name, undefined])
})

test("every text gives a safe name or none, and safe names are stable", () => {
  const bad = fc.constantFrom(
    "..",
    "/",
    "\\",
    "\u0000",
    "CON",
    "nul.",
    " ",
    ".",
    "~",
    ":",
    "\u202e",
    "\ud800",
    "e\u0301",
    "A"
  )
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.array(bad, { maxLength: 12 }).map((parts) => parts.join(""))
  )
  fc.assert(
    fc.property(text, (given) => {
      const name = safeName(given)
      if (name === undefined) return
      expect(name).not.toMatch(/[\u0000-\u001f<>:"/\\|?*]|^[.\s~-]|[.\s]$/u)
      expect(name).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i)
      expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(121)
      expect(name.isWellFormed()).toBe(true)
      expect(name.normalize("NFC")).toBe(name)
      expect(safeName(name)).toBe(name)
    }),
    { numRuns: 500 }
  )
})

test("only generated file names have a number", () => {
  for (const number of [1, 2, 10, 999]) expect(fileNumber(fileName(number))).toBe(number)
  for (const name of [
    "content-0.pptx",
    "content-1.pptx",
    "content-02.pptx",
    "content.pptx.tmp",
    "x.pptx",
    ".content-ab.tmp",
    "../content.pptx"
  ])
    expect([name, fileNumber(name)]).toEqual([name, undefined])
})

test("files of each type have a number, and a media type by their name", () => {
  const names = [fileName(1, "png"), fileName(2, "jpeg"), fileName(3, "webp")]
  expect(names).toEqual(["image.png", "image-2.jpeg", "image-3.webp"])
  expect(names.map(fileNumber)).toEqual([1, 2, 3])
  expect(names.map(mimeTypeOf)).toEqual(["image/png", "image/jpeg", "image/webp"])
  expect(["image/png", "image/gif"].map(fileTypeOf)).toEqual(["png", undefined])
  expect(["content.png", "image.pptx", "image.constructor"].map(fileNumber)).toEqual([
    undefined,
    undefined,
    undefined
  ])
})
