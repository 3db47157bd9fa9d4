/** Preparing a template's text: whatever is in it, and however long it is. */
import { expect, test } from "bun:test"
import { prepare } from "../../../layers/templates/prepareSource.ts"

// As long as a template may be. What needs time with the square of that does not end within a test's time.
const long = 256 * 1024

test.each([
  ["comments that are never closed", "{{ /*".repeat(long / 5)],
  ["a tag with nothing but spaces before something else", `{{@a${" ".repeat(long)}x}}`],
  ["a tag with nothing but spaces before its end", `{{@a${" ".repeat(long)}/}}`],
  ["tags that are never closed", "{{".repeat(long / 2)],
  ["quotes that are never closed", "{{ '".repeat(long / 4)]
])("ends soon for %s", (_, text) => {
  expect(prepare("long", text).text.length).toBeGreaterThan(text.length - 1)
})

test("the end of a tag may stand in quotes and in comments", () => {
  for (const code of ["'}}'", '"}}"', "`}}`", "/* }} */ 1", "/* '}} */ 1"]) {
    expect(prepare("one", `{{ ${code} }}{{ 2 }}`).text).toEndWith(`{{ ${code} }}{{!c.at("one",1,tR)}}{{ 2 }}`)
  }
  // Not closed as a comment, so it is none.
  expect(prepare("one", "{{ a /* b }}{{ 2 }}").text).toEndWith(`b }}{{!c.at("one",1,tR)}}{{ 2 }}`)
})

test("the line break after a tag that stands alone goes into it, before its closing braces", () => {
  expect(prepare("one", "{{@a  /}}\nb").text).toEndWith("{{@a\n  /}}b")
  expect(prepare("one", "{{@a}}\r\nb").text).toEndWith("{{@a\r\n}}b")
})
