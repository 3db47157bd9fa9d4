/** The text of a request, and parts that would end their line. */
import { expect, test } from "bun:test"
import { requestText, type RequestParts } from "../../../../layers/platform/http1/requestText.ts"

const text = ({ body, headers = [], host = "a", method = "GET", target = "/" }: Partial<RequestParts>) => {
  const result = requestText({ method, target, host, headers, body })
  return typeof result === "string" ? result : Buffer.from(result).toString("latin1")
}

const lines = (...all: ReadonlyArray<string>) => all.join("\r\n")

const agent = /user-agent: manifold\/[\d.]+\r\n/

test("a request has its headers, and those that all requests need", () => {
  expect(text({ target: "/a?b=c" }).replace(agent, "")).toBe(
    lines("GET /a?b=c HTTP/1.1", "host: a", "accept: */*", "", "")
  )
  expect(text({})).toMatch(agent)
  const own = text({
    headers: [
      ["User-Agent", "x"],
      ["Accept", "y"]
    ]
  })
  expect(own).toBe(lines("GET / HTTP/1.1", "host: a", "user-agent: x", "accept: y", "", ""))
})

test("the length of a body is that of its bytes", () => {
  expect(text({ method: "POST" })).toContain("content-length: 0\r\n")
  expect(text({ method: "GET" })).not.toContain("content-length")
  expect(text({ method: "POST", body: "{}" })).toEndWith("content-length: 2\r\n\r\n{}")
  const unicode = requestText({ method: "POST", target: "/", host: "a", headers: [], body: "é" })
  expect(Buffer.from(unicode as string).toString()).toEndWith("content-length: 2\r\n\r\né")
  expect(text({ method: "POST", body: new Uint8Array([0xff]) })).toEndWith("content-length: 1\r\n\r\n\xff")
})

test("values above ASCII are Latin-1, also before a body in UTF-8", () => {
  const bytes = requestText({ method: "POST", target: "/", host: "a", headers: [["x", "\xe9"]], body: "é" })
  expect(Buffer.from(bytes as Uint8Array).toString("latin1")).toContain("x: \xe9\r\n")
  expect(Buffer.from(bytes as Uint8Array).toString()).toEndWith("\r\n\r\né")
})

test("framing and the host are not the caller's", () => {
  const given = [
    ["Host", "b"],
    ["Transfer-Encoding", "chunked"],
    ["content-length", "9"],
    ["Connection", "close"],
    ["Upgrade", "h2c"],
    ["expect", "100-continue"]
  ] as const
  expect(text({ method: "POST", headers: given, body: "x" }).replace(agent, "")).toBe(
    lines("POST / HTTP/1.1", "host: a", "accept: */*", "content-length: 1", "", "x")
  )
})

test("a part that would end its line is refused", () => {
  const wrong: ReadonlyArray<Partial<RequestParts>> = [
    { method: "GET /\r\n" },
    { method: "" },
    { target: "/a b" },
    { target: "/\r\nx: y" },
    { target: "" },
    { host: "a\r\nx: y" },
    { host: "" },
    { headers: [["x y", "1"]] },
    { headers: [["", "1"]] },
    { headers: [["x", "a\r\nb: c"]] },
    { headers: [["x", "a\nb"]] },
    { headers: [["x", "a\0b"]] },
    { headers: [["x", "\u0100"]] }
  ]
  for (const each of wrong) expect(() => text(each)).toThrow(TypeError)
})
