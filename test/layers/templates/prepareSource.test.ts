/** Preprocessing of templates: tag ends, line breaks, and linear time. */
import { expect, test } from "bun:test"
import { prepare } from "../../../layers/templates/prepareSource.ts"

// The maximum size of a template. Quadratic time would exceed the test's time limit.
const long = 256 * 1024

test.each([
  ["comments that are never closed", "{{ /*".repeat(long / 5)],
  ["a tag with nothing but spaces before something else", `{{@a${" ".repeat(long)}x}}`],
  ["a tag with nothing but spaces before its end", `{{@a${" ".repeat(long)}/}}`],
  ["tags that are never closed", "{{".repeat(long / 2)],
  ["quotes that are never closed", "{{ '".repeat(long / 4)]
])("preparing takes linear time for %s", (_, text) => {
  expect(prepare("long", text).text.length).toBeGreaterThan(text.length - 1)
})

test("closing braces in strings and comments do not end a tag", () => {
  for (const code of ["'}}'", '"}}"', "`}}`", "/* }} */ 1", "/* '}} */ 1"]) {
    expect(prepare("one", `{{ ${code} }}{{ 2 }}`).text).toEndWith(`{{ ${code} }}{{!c.at("one",1,tR)}}{{ 2 }}`)
  }
  // An unclosed comment is not a comment.
  expect(prepare("one", "{{ a /* b }}{{ 2 }}").text).toEndWith(`b }}{{!c.at("one",1,tR)}}{{ 2 }}`)
})

test("the line break after a tag alone on its line moves into the tag, before its closing braces", () => {
  expect(prepare("one", "{{@a  /}}\nb").text).toEndWith("{{@a\n  /}}b")
  expect(prepare("one", "{{@a}}\r\nb").text).toEndWith("{{@a\r\n}}b")
})
