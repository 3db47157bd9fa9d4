/** Mistakes in the configuration and their messages: every problem at once, with line and column. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { sections } from "../../../src/program/sections.ts"
import { it } from "../../support/effect.ts"
import { given, type Given } from "../../layers/config/files.ts"

const problems = (from: Given) =>
  ConfigSource.use((config) => config.check(sections)).pipe(
    Effect.provide(given(from)),
    Effect.flip,
    Effect.map((error) =>
      error.problems.map(
        ({ message, path, source }) => `${source}: ${path === "" ? "" : `${path}: `}${message}`
      )
    )
  )

const yaml = (text: string): Given => ({ files: { "manifold.yaml": text } })
const bomb = Array.from({ length: 9 }, (_, level) => {
  const items = level === 0 ? "x" : `*a${level - 1}`
  return `a${level}: &a${level} [${Array.from({ length: 9 }, () => items).join(", ")}]`
}).join("\n")

const cases: ReadonlyArray<readonly [name: string, from: Given, expected: ReadonlyArray<string>]> = [
  [
    "a value of another type",
    yaml("server:\n  port: http\n"),
    ['/u/manifold/manifold.yaml:2:9: server.port: expected an integer between 0 and 65535, got "http"']
  ],
  [
    "a value out of bounds",
    yaml("server:\n  port: 70000\n"),
    ["/u/manifold/manifold.yaml:2:9: server.port: expected an integer between 0 and 65535, got 70000"]
  ],
  [
    "a word that is none of those",
    yaml("logging:\n  level: verbose\n"),
    [
      '/u/manifold/manifold.yaml:2:10: logging.level: expected "trace" or "debug" or "info" or "warn" or "error" or "fatal" or "none", got "verbose"'
    ]
  ],
  [
    "an unknown key",
    yaml("server:\n  prot: 80\n"),
    ['/u/manifold/manifold.yaml:2:3: server.prot: unknown key; did you mean "port"?']
  ],
  [
    "keys that were renamed",
    yaml(
      "limits:\n  longest: 5 minutes\n  concurrency:\n    patience: 5\n  retry: { longest_delay: 1 }\n  breaker: { open: 1 }\n"
    ),
    [
      "/u/manifold/manifold.yaml:2:3: limits.longest: renamed; write limits.max_duration instead",
      "/u/manifold/manifold.yaml:4:5: limits.concurrency.patience: renamed; write limits.concurrency.queue_timeout instead",
      "/u/manifold/manifold.yaml:5:12: limits.retry.longest_delay: renamed; write limits.retry.max_delay instead",
      "/u/manifold/manifold.yaml:6:14: limits.breaker.open: renamed; write limits.breaker.open_duration instead"
    ]
  ],
  [
    "an unknown section",
    yaml("servr:\n  port: 80\n"),
    ['/u/manifold/manifold.yaml:1:1: servr: unknown key; did you mean "server"?']
  ],
  [
    "a key given twice",
    yaml("server:\n  port: 1\n  port: 2\n"),
    ["/u/manifold/manifold.yaml:3:3: duplicate key"]
  ],
  [
    "a section that is incomplete",
    yaml("chat:\n  service:\n    streaming: {}\n    max_tool_hops: 8\n"),
    [
      "/u/manifold/manifold.yaml:3:16: chat.service.streaming.enabled: required, but missing",
      "/u/manifold/manifold.yaml:3:5: chat.service.context: required, but missing"
    ]
  ],
  [
    "a temperature beyond the provider's",
    {
      ...yaml(
        "llm:\n  active: anthropic\n  providers:\n    anthropic: { api_key: 'env:KEY', model: m, temperature: 1.5 }\n"
      ),
      env: { KEY: "k" }
    },
    ["/u/manifold/manifold.yaml:4:61: llm.providers.anthropic.temperature: must be at most 1 for anthropic"]
  ],
  [
    "a provider that is not listed",
    yaml("llm:\n  active: groq\n  providers: {}\n"),
    ["/u/manifold/manifold.yaml:2:11: llm.active: not one of the providers below it"]
  ],
  [
    "a custom provider without a URL",
    {
      ...yaml("llm:\n  active: mine\n  providers:\n    mine: { api_key: 'env:KEY', model: m }\n"),
      env: { KEY: "k" }
    },
    [
      "/u/manifold/manifold.yaml:4:11: llm.providers.mine.base_url: required for a provider other than openai, anthropic, groq"
    ]
  ],
  [
    "a duration that is none",
    yaml("server:\n  idle_timeout: 10 secs ago\n"),
    [
      '/u/manifold/manifold.yaml:2:17: server.idle_timeout: expected a duration such as "30 seconds", "500 millis" or a number of seconds, got "10 secs ago"'
    ]
  ],
  [
    "a negative duration",
    yaml("mcp: { connection: { connection_timeout: -1 } }"),
    [
      '/u/manifold/manifold.yaml:1:42: mcp.connection.connection_timeout: expected a duration such as "30 seconds", "500 millis" or a number of seconds, got -1'
    ]
  ],
  [
    "a secret that does not exist",
    yaml(
      "auth:\n  tokens:\n    - name: me\n      token: env:MANIFOLD_TOKEN\n    - name: you\n      token: file:/run/none\n"
    ),
    [
      "/u/manifold/manifold.yaml:4:14: auth.tokens[0].token: the environment variable MANIFOLD_TOKEN is not set",
      '/u/manifold/manifold.yaml:6:14: auth.tokens[1].token: cannot read the file "/run/none": no such file or directory'
    ]
  ],
  [
    "a section that is a list",
    yaml("web: [robots]\n"),
    ["/u/manifold/manifold.yaml:1:6: web: expected a map, got a list"]
  ],
  [
    "two names of one section that disagree",
    yaml("server: { port: 1 }\nwebsocket: { port: 2 }\n"),
    [
      "/u/manifold/manifold.yaml:2:20: websocket.port: differs from server.port (/u/manifold/manifold.yaml:1:17), the same setting; remove one of them"
    ]
  ],
  [
    "one setting that contradicts another",
    yaml(
      "chat: { service: { streaming: { enabled: true }, context: { max_tokens: 500, reserve_tokens: 500, preserve_recent: 5 }, max_tool_hops: 1 } }"
    ),
    ["/u/manifold/manifold.yaml:1:94: chat.service.context.reserve_tokens: must be less than max_tokens"]
  ],
  [
    "a variable that is wrong",
    { env: { PORT: "eighty", LOG_LEVEL: "LOUD", MCP_COST_DAILY_MAX: "-1" } },
    [
      'PORT: server.port: expected an integer between 0 and 65535, got "eighty"',
      'LOG_LEVEL: logging.level: expected "trace" or "debug" or "info" or "warn" or "error" or "fatal" or "none", got "loud"',
      "MCP_COST_DAILY_MAX: usage.cost_daily_max: expected a finite number greater than or equal to 0, got -1"
    ]
  ],
  [
    "a file that cannot be read",
    { env: { MCP_CONFIG_PATH: "/etc/none.yaml" } },
    ["/etc/none.yaml: cannot read the file: no such file or directory (set by MCP_CONFIG_PATH)"]
  ],
  [
    "tabs",
    yaml("server:\n\tport: 80\n"),
    ["/u/manifold/manifold.yaml:2:1: tabs are not allowed for indentation; use spaces"]
  ],
  [
    "two documents",
    yaml("server: {}\n---\nweb: {}\n"),
    ["/u/manifold/manifold.yaml:2:1: only one document is allowed (remove the `---`)"]
  ],
  [
    "a value that needs quotes",
    yaml("outbound:\n  user_agent: @me\n"),
    ["/u/manifold/manifold.yaml:2:15: text that starts with this character must be quoted"]
  ],
  [
    "a bracket that is not closed",
    yaml("outbound:\n  ports: [80, 443\nweb: {}\n"),
    ["/u/manifold/manifold.yaml:3:1: wrong indentation, or an unclosed bracket"]
  ],
  [
    "JSON with a comma too many",
    { env: { MCP_CONFIG_JSON: '{"server":{},}' } },
    ["MCP_CONFIG_JSON:1:14: not JSON: expected a key in double quotes"]
  ],
  [
    "text that is not UTF-8",
    { files: { "manifold.yaml": new Uint8Array([0x77, 0x65, 0x62, 0x3a, 0xff]) } },
    ["/u/manifold/manifold.yaml: not valid UTF-8"]
  ],
  [
    "a file that is too large",
    yaml(`# ${"x".repeat(1 << 20)}`),
    ["/u/manifold/manifold.yaml: larger than 1048576 bytes"]
  ],
  [
    "a root that is a list",
    yaml("- server\n- web\n"),
    ["/u/manifold/manifold.yaml:1:1: expected a map of sections"]
  ],
  ["a root that is text", yaml("server\n"), ["/u/manifold/manifold.yaml:1:1: expected a map of sections"]],
  [
    "a key that reaches prototypes",
    yaml("web:\n  __proto__: { robots: true }\n"),
    ["/u/manifold/manifold.yaml:2:3: web.__proto__: this key is not allowed"]
  ],
  [
    "a bomb of aliases",
    yaml(bomb),
    ["/u/manifold/manifold.yaml:1:1: an alias is used too often, or before its anchor"]
  ],
  [
    "a section that contains itself",
    yaml("web: &web\n  robots: *web\n"),
    ["/u/manifold/manifold.yaml:2:3: web: nested too deeply, or contains itself"]
  ],
  [
    "a program in a tag",
    yaml("web: !!js/function 'return 1'\n"),
    ["/u/manifold/manifold.yaml:1:6: tags (`!name`) are not supported"]
  ]
]

describe("each mistake", () => {
  for (const [name, from, expected] of cases) {
    it.effect(name, () =>
      Effect.gen(function* () {
        expect(yield* problems(from)).toEqual([...expected])
      })
    )
  }
})

describe("all at once", () => {
  it.effect("in one file and two variables", () =>
    Effect.gen(function* () {
      const text = `servr: {}
server:
  port: http
  host: ""
  prot: 80
  idle_timeout: soon
websocket:
  port: 9000
logging:
  level: verbose
auth:
  tokens:
    - token: env:NO_TOKEN
      scope: [read]
    - { name: me, token: file:/run/none, expires_at: tomorrow }
outbound:
  allow_hosts: [https://internal.example]
  allow_private: [10.0.0.0/99]
  ports: 443
  max_redirects: -1
web: [robots]
mcp:
  page_size: 0.5
  connection: { max_reconnect_attempts: many }
llm:
  providers:
    groq: { api_key: "", temperature: 3, top_p: high }
chat: {}
`
      const found = yield* problems({ ...yaml(text), env: { PORT: "-1", MCP_REFRESH_INTERVAL: "often" } })
      expect(found.toSorted()).toEqual(
        [
          '/u/manifold/manifold.yaml:1:1: servr: unknown key; did you mean "server"?',
          "/u/manifold/manifold.yaml:8:9: websocket.port: differs from server.port (/u/manifold/manifold.yaml:3:9), the same setting; remove one of them",
          '/u/manifold/manifold.yaml:5:3: server.prot: unknown key; did you mean "port"?',
          '/u/manifold/manifold.yaml:4:9: server.host: expected a string with a length of at least 1, got ""',
          "PORT: server.port: expected an integer between 0 and 65535, got -1",
          '/u/manifold/manifold.yaml:6:17: server.idle_timeout: expected a duration such as "30 seconds", "500 millis" or a number of seconds, got "soon"',
          "/u/manifold/manifold.yaml:23:14: mcp.page_size: expected an integer between 1 and 2147483647, got 0.5",
          '/u/manifold/manifold.yaml:24:41: mcp.connection.max_reconnect_attempts: expected an integer between 0 and 1000, got "many"',
          '/u/manifold/manifold.yaml:14:7: auth.tokens[0].scope: unknown key; did you mean "scopes"?',
          "/u/manifold/manifold.yaml:13:7: auth.tokens[0].name: required, but missing",
          "/u/manifold/manifold.yaml:13:14: auth.tokens[0].token: the environment variable NO_TOKEN is not set",
          '/u/manifold/manifold.yaml:15:26: auth.tokens[1].token: cannot read the file "/run/none": no such file or directory',
          '/u/manifold/manifold.yaml:15:54: auth.tokens[1].expires_at: expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, got "tomorrow"',
          '/u/manifold/manifold.yaml:10:10: logging.level: expected "trace" or "debug" or "info" or "warn" or "error" or "fatal" or "none", got "verbose"',
          '/u/manifold/manifold.yaml:17:17: outbound.allow_hosts[0]: expected a host such as internal.example, internal.example:8080 or [fd00::1], got "https://internal.example"',
          '/u/manifold/manifold.yaml:18:19: outbound.allow_private[0]: expected an address range such as 10.0.0.0/8 or fd00::/8, got "10.0.0.0/99"',
          "/u/manifold/manifold.yaml:19:10: outbound.ports: expected a list, got 443",
          "/u/manifold/manifold.yaml:20:18: outbound.max_redirects: expected an integer between 0 and 20, got -1",
          "/u/manifold/manifold.yaml:21:6: web: expected a map, got a list",
          "/u/manifold/manifold.yaml:26:3: llm.active: required, but missing",
          "/u/manifold/manifold.yaml:27:22: llm.providers.groq.api_key: the secret is empty",
          "/u/manifold/manifold.yaml:27:11: llm.providers.groq.model: required, but missing",
          "/u/manifold/manifold.yaml:27:39: llm.providers.groq.temperature: expected a finite number between 0 and 2, got 3",
          '/u/manifold/manifold.yaml:27:49: llm.providers.groq.top_p: expected a finite number between 0 and 1, got "high"',
          "/u/manifold/manifold.yaml:28:7: chat.service: required, but missing",
          'MCP_REFRESH_INTERVAL: usage.refresh_interval: expected a duration such as "30 seconds", "500 millis" or a number of seconds, got "often"'
        ].toSorted()
      )
    })
  )
})

/** A configuration that is right, and a way to break it somewhere. */
const right = {
  server: { host: "127.0.0.1", port: 1, allowed_hosts: ["a"], idle_timeout: "1 second" },
  logging: { level: "info" },
  auth: { tokens: [{ name: "me", token: "env:TOKEN", scopes: ["read"] }] },
  storage: { dir: "/data", redis_url: "env:REDIS" },
  llm: { active: "groq", providers: { groq: { api_key: "env:KEY", model: "m", temperature: 1 } } },
  outbound: { allow_hosts: ["a.example"], allow_private: ["10.0.0.0/8"], ports: [443] },
  usage: { cost_hourly_max: 1, refresh_interval: 30 },
  web: { robots: true }
}

/** Every place of a value, as the keys that lead to it. */
const places = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> => [
  path,
  ...(typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))
    : [])
]

const replaced = (
  value: unknown,
  [key, ...rest]: ReadonlyArray<string>,
  by: (old: unknown) => unknown
): unknown => {
  if (key === undefined) return by(value)
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? replaced(item, rest, by) : item))
  return typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, name === key ? replaced(inner, rest, by) : inner])
      )
    : value
}

const ways: ReadonlyArray<(text: string, old: unknown) => unknown> = [
  (text) => text,
  (text) => [text],
  (text) => ({ [text]: 1 }),
  (text) => `env:${text}`,
  (text, old) => ({ ...Object(old), [text]: text }),
  (text, old) => ({ ...Object(old), other: text })
]

/** Random text is put in random ways at some of the places, and in variables; no problem may repeat it. */
const neverShown = (where: ReadonlyArray<ReadonlyArray<string>>, shortest: number) => {
  // A name in capitals after `env:` is shown: it is a variable's.
  const secret = fc
    .string({ unit: fc.constantFrom(..."abcXYZ059+/-_"), minLength: shortest, maxLength: 48 })
    .filter((text) => !/^[A-Z0-9_]+$/.test(text))
  const property = fc.asyncProperty(
    secret,
    fc.constantFrom(...where),
    fc.constantFrom(...ways),
    fc.boolean(),
    async (text, path, put, inline) => {
      const json = JSON.stringify(
        replaced(right, path, (old) => put(text, old)),
        undefined,
        2
      )
      const env = { TOKEN: text, REDIS: text, KEY: text, ...(inline && { MCP_CONFIG_JSON: json }) }
      const told = await Effect.runPromise(Effect.orElseSucceed(problems({ ...yaml(json), env }), () => []))
      expect(told.join().toLowerCase()).not.toContain(text.toLowerCase())
    }
  )
  return Effect.promise(() => fc.assert(property, { numRuns: 300 }))
}

describe("problems of the configuration never contain", () => {
  it.effect("the value of a secret's key", () =>
    neverShown(
      places(right).filter((path) => ["token", "redis_url", "api_key"].includes(path.at(-1) ?? "")),
      8
    )
  )

  it.effect("a text as long as a secret, in any place", () => neverShown(places(right), 32))
})
