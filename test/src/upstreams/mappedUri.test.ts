/** The form of mapped URIs, and the places in which they are mapped. */
import { describe, expect, test } from "bun:test"
import { fromMapped, mapArguments, mapMeta, mapResult, toMapped } from "../../../src/upstreams/mappedUri.ts"

describe("the form", () => {
  test.each([
    ["file:///home/notes", "file://work.upstream////home/notes"],
    ["ui://panel/main.html?a=1#b", "ui://work.upstream///panel/main.html?a=1#b"],
    ["urn:isbn:1", "urn://work.upstream/isbn:1"],
    ["test://item/{id}", "test://work.upstream///item/{id}"],
    ["file://work.upstream///a", "file://work.upstream///work.upstream///a"]
  ])("of %s keeps the scheme, and can be reversed", (uri, mapped) => {
    expect(toMapped("work", uri)).toBe(mapped)
    expect(fromMapped("work", mapped)).toBe(uri)
    expect(fromMapped("home", mapped)).toBeUndefined()
  })

  test("contains any name of a server", () => {
    const mapped = toMapped("my server/{a}", "ui://panel")
    expect(mapped).toBe("ui://my%20server%2F%7Ba%7D.upstream///panel")
    expect(fromMapped("my server/{a}", String(mapped))).toBe("ui://panel")
  })

  test.each(["https://example.com/a", "HTTP://example.com/a", "no scheme", ""])(
    "does not exist for %p",
    (uri) => {
      expect(toMapped("work", uri)).toBeUndefined()
      expect(fromMapped("work", uri)).toBeUndefined()
    }
  )
})

const mapping = {
  toServed: (uri: string) => `served ${uri}`,
  toServer: (uri: string) => uri.replace("served ", ""),
  template: (uriTemplate: string) => uriTemplate
}

test("maps the URIs of user interfaces in `_meta`, and returns other `_meta` unchanged", () => {
  const meta = {
    ui: { resourceUri: "ui://a", csp: {} },
    "ui/resourceUri": "ui://a",
    "openai/outputTemplate": "ui://b"
  }
  expect(mapMeta({ ...meta, other: 1 }, mapping)).toEqual({
    ui: { resourceUri: "served ui://a", csp: {} },
    "ui/resourceUri": "served ui://a",
    "openai/outputTemplate": "served ui://b",
    other: 1
  })
  const plain = { ui: { csp: {} } }
  expect(mapMeta(plain, mapping)).toBe(plain)
})

test("maps links and embedded resources, and nothing in text and data", () => {
  const result = {
    content: [{ type: "text", text: "a" }, { type: "resource_link", uri: "a", name: "a" }, null],
    structuredContent: { uri: "a" }
  }
  expect(mapResult(result, mapping)).toEqual({
    content: [{ type: "text", text: "a" }, { type: "resource_link", uri: "served a", name: "a" }, null],
    structuredContent: { uri: "a" }
  })
  expect(mapResult({ contents: "malformed" }, mapping)).toEqual({ contents: "malformed" })
})

test("maps arguments at any depth", () => {
  expect(mapArguments({ a: ["served x", 1, { b: "served y" }], c: null }, mapping)).toEqual({
    a: ["x", 1, { b: "y" }],
    c: null
  })
})
