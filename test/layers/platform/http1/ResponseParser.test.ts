/** Responses of HTTP/1.1 however their bytes are split, and responses that are not valid. */
import { describe, expect, test } from "bun:test"
import { InvalidResponse, ResponseParser } from "../../../../layers/platform/http1/ResponseParser.ts"

/** The bytes in pieces; then the end of the connection, if the response ends with it. */
const parse = (pieces: ReadonlyArray<string>, { closes = false, method = "GET" } = {}) => {
  let body = ""
  const heads: Array<object> = []
  const parser = new ResponseParser(method, {
    onHead: ({ headers, ...head }) => heads.push({ ...head, headers: Object.fromEntries(headers) }),
    onBody: (bytes) => (body += Buffer.from(bytes).toString("latin1"))
  })
  for (const piece of pieces) parser.push(Buffer.from(piece, "latin1"))
  if (closes) parser.close()
  const { isDone, keepAlive } = parser
  return { heads, body, isDone, keepAlive }
}

const lines = (...all: ReadonlyArray<string>) => all.join("\r\n")

const ok = "HTTP/1.1 200 OK"
const head = (headers: object, given: object = {}) => ({
  status: 200,
  reason: "OK",
  length: undefined,
  keptFor: undefined,
  headers,
  ...given
})

const responses = {
  "a length": {
    text: lines(ok, "Content-Length: 5", "X-One: 1", "x-one:  2\t", "", "hello"),
    expected: {
      heads: [head({ "content-length": "5", "x-one": "1, 2" }, { length: 5 })],
      body: "hello",
      isDone: true,
      keepAlive: true
    }
  },
  "an empty body": {
    text: lines(ok, "content-length: 0", "keep-alive: timeout=5, max=100", "", ""),
    expected: {
      heads: [head({ "content-length": "0", "keep-alive": "timeout=5, max=100" }, { length: 0, keptFor: 5 })],
      body: "",
      isDone: true,
      keepAlive: true
    }
  },
  "chunks, an extension and trailers": {
    text: lines(
      ok,
      "transfer-encoding: Chunked",
      "",
      "5;a=b",
      "hello",
      "00A ; c",
      " everyone!",
      "0",
      "X-Sum: 1",
      "",
      ""
    ),
    expected: {
      heads: [head({ "transfer-encoding": "Chunked" })],
      body: "hello everyone!",
      isDone: true,
      keepAlive: true
    }
  },
  "interim responses": {
    text: lines(
      "HTTP/1.1 100 Continue",
      "",
      "HTTP/1.1 103 Early Hints",
      "link: </a>",
      "",
      ok,
      "content-length: 1",
      "",
      "x"
    ),
    expected: {
      heads: [head({ "content-length": "1" }, { length: 1 })],
      body: "x",
      isDone: true,
      keepAlive: true
    }
  },
  "lines that end without a carriage return": {
    text: `${ok}\ncontent-length: 2\n\nhi`,
    expected: {
      heads: [head({ "content-length": "2" }, { length: 2 })],
      body: "hi",
      isDone: true,
      keepAlive: true
    }
  },
  "no reason, and bytes above ASCII": {
    text: lines("HTTP/1.1 404", "x-name: \xe9", "content-length: 1", "", "\xff"),
    expected: {
      heads: [head({ "x-name": "\xe9", "content-length": "1" }, { status: 404, reason: "", length: 1 })],
      body: "\xff",
      isDone: true,
      keepAlive: true
    }
  },
  "a status without a body": {
    text: lines("HTTP/1.1 204 No Content", "content-length: 5", "", ""),
    expected: {
      heads: [head({ "content-length": "5" }, { status: 204, reason: "No Content", length: 0 })],
      body: "",
      isDone: true,
      keepAlive: false
    }
  },
  "a status without a body, and none announced": {
    text: lines("HTTP/1.1 205 Reset Content", "content-length: 0", "", ""),
    expected: {
      heads: [head({ "content-length": "0" }, { status: 205, reason: "Reset Content", length: 0 })],
      body: "",
      isDone: true,
      keepAlive: true
    }
  },
  "a status without a body, but with chunks": {
    text: lines("HTTP/1.1 205 Reset Content", "transfer-encoding: chunked", "", ""),
    expected: {
      heads: [head({ "transfer-encoding": "chunked" }, { status: 205, reason: "Reset Content", length: 0 })],
      body: "",
      isDone: true,
      keepAlive: false
    }
  },
  "HTTP/1.0 and chunks": {
    text: lines(
      "HTTP/1.0 200 OK",
      "connection: keep-alive",
      "transfer-encoding: chunked",
      "",
      "1",
      "x",
      "0",
      "",
      ""
    ),
    expected: {
      heads: [head({ connection: "keep-alive", "transfer-encoding": "chunked" })],
      body: "x",
      isDone: true,
      keepAlive: false
    }
  },
  "equal lengths, and a connection that closes": {
    text: lines(ok, "content-length: 1, 1", "connection: Foo, Close", "", "x"),
    expected: {
      heads: [head({ "content-length": "1, 1", connection: "Foo, Close" }, { length: 1 })],
      body: "x",
      isDone: true,
      keepAlive: false
    }
  },
  "HTTP/1.0 with keep-alive": {
    text: lines("HTTP/1.0 200 OK", "content-length: 1", "connection: keep-alive", "", "x"),
    expected: {
      heads: [head({ "content-length": "1", connection: "keep-alive" }, { length: 1 })],
      body: "x",
      isDone: true,
      keepAlive: true
    }
  },
  "more than the response": {
    text: `${lines(ok, "content-length: 1", "", "x")}HTTP/1.1 200 OK`,
    expected: {
      heads: [head({ "content-length": "1" }, { length: 1 })],
      body: "x",
      isDone: true,
      keepAlive: false
    }
  },
  "a length and chunks": {
    text: lines(ok, "content-length: 9", "transfer-encoding: chunked", "", "1", "x", "0", "", ""),
    expected: {
      heads: [head({ "content-length": "9", "transfer-encoding": "chunked" })],
      body: "x",
      isDone: true,
      keepAlive: false
    }
  }
}

describe("a response with", () => {
  for (const [name, { expected, text }] of Object.entries(responses)) {
    test(`${name} is the same in one piece, in two, and byte by byte`, () => {
      expect(parse([text])).toEqual(expected)
      for (let at = 1; at < text.length; at++)
        expect(parse([text.slice(0, at), text.slice(at)])).toEqual(expected)
      expect(parse(Array.from(text))).toEqual(expected)
    })
  }
})

test("a body without framing ends with the connection", () => {
  const text = lines(ok, "content-type: text/plain", "", "all of it")
  expect(parse([text])).toMatchObject({ body: "all of it", isDone: false })
  expect(parse([text], { closes: true })).toMatchObject({ body: "all of it", isDone: true, keepAlive: false })
  const old = lines("HTTP/1.0 200 OK", "content-length: 1", "", "x")
  expect(parse([old])).toMatchObject({ isDone: true, keepAlive: false })
})

test("values keep their inner spaces, however many", () => {
  const value = `a${" ".repeat(60_000)}b`
  // Quadratic time would be minutes.
  for (let count = 0; count < 100; count++) {
    const { heads } = parse([lines(ok, `x-a: \t${value} \t`, "content-length: 0", "", "")])
    expect(heads).toEqual([head({ "x-a": value, "content-length": "0" }, { length: 0 })])
  }
})

test("the response to HEAD has no body", () => {
  for (const [framing, keepAlive] of [
    ["content-length: 10", false],
    ["transfer-encoding: chunked", false],
    ["x-none: 1", true]
  ] as const) {
    const result = parse([lines(ok, framing, "", "")], { method: "HEAD" })
    expect(result).toMatchObject({ body: "", isDone: true, keepAlive })
  }
})

describe("a connection that closes too early fails", () => {
  const cases = [
    ["", "before"],
    [ok, "within"],
    [lines(ok, "content-length: 2", "", "x"), "within"],
    [lines(ok, "transfer-encoding: chunked", "", "1", "x", "0", ""), "within"]
  ] as const
  test.each(cases)("%j", (text, when) => {
    const pieces = text === "" ? [] : [text]
    expect(() => parse(pieces, { closes: true })).toThrow(
      `the server closed the connection ${when} its response`
    )
  })
})

describe("a response is refused that has", () => {
  const field = (...fields: ReadonlyArray<string>) => lines(ok, ...fields, "", "")
  const chunked = (...parts: ReadonlyArray<string>) => field("transfer-encoding: chunked") + lines(...parts)
  const cases: Record<string, string> = {
    "another protocol": lines("SSH-2.0-OpenSSH", ""),
    "HTTP/2": lines("HTTP/2 200", ""),
    "a status with four digits": lines("HTTP/1.1 2000 OK", ""),
    "a status beyond 599": lines("HTTP/1.1 600 Odd", "", ""),
    "a switch of protocols": lines("HTTP/1.1 101 Switching Protocols", "", ""),
    "a field without a colon": field("nothing"),
    "a field without a name": field(": value"),
    "a name with a space": field("content-length : 1"),
    "a folded field": field("x-a: 1", " 2"),
    "a null byte in a value": field("x-a: a\0b"),
    "a carriage return in a value": field("x-a: a\rb"),
    "a vertical tab around a length": field("content-length:\v1"),
    "a no-break space around a coding": field("transfer-encoding: \xa0chunked"),
    "an empty length": field("content-length:"),
    "too many fields": field(...Array.from({ length: 257 }, (_, at) => `x-${at}: 1`)),
    "different lengths": field("content-length: 1", "content-length: 2"),
    "a signed length": field("content-length: +1"),
    "a length in hexadecimal": field("content-length: 0x1"),
    "an unknown transfer coding": field("transfer-encoding: gzip, chunked"),
    "an empty chunk size": chunked("", "x", ""),
    "a signed chunk size": chunked("+1", "x", ""),
    "a chunk size with thirteen digits": chunked("1000000000000", ""),
    "a chunk longer than its size": chunked("1", "xy", "0", "", ""),
    "a long head": field(`x-a: ${"a".repeat(70_000)}`),
    "many interim responses": lines("HTTP/1.1 100 Continue", "", "").repeat(3000),
    "a long extension": chunked(`1;${"a".repeat(5000)}`, "x", ""),
    "long trailers": chunked("0", `x-a: ${"a".repeat(70_000)}`, "", "")
  }
  test.each(Object.entries(cases))("%s", (_name, text) => {
    expect(() => parse([text])).toThrow(InvalidResponse)
    expect(() => parse(Array.from(text.slice(0, 80_000)))).toThrow(InvalidResponse)
  })
})
