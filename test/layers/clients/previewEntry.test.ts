/** The preview of an entry that another program wrote: without its secrets. */
import { expect, test } from "bun:test"
import { mask, preview } from "../../../layers/clients/previewEntry.ts"

const theirs = {
  command: "npx",
  args: ["-y", "a-server", "--token", "hunter2", "--api-key=hunter2", "--password", "hunter2", "--verbose"],
  url: "https://ada:hunter2@mcp.example/mcp?api_key=hunter2&region=eu",
  env: { REGION: "hunter2", MCP_CONFIG_PATH: "/etc/manifold.yaml" },
  headers: { "x-team": "hunter2" },
  auth: { CLIENT_ID: "abc", CLIENT_SECRET: "hunter2", tokens: ["hunter2"] },
  disabled: false,
  timeout: 60
}

test("secrets are redacted anywhere in the entry", () => {
  expect(JSON.stringify(mask(theirs))).not.toContain("hunter2")
  for (const after of [undefined, { command: "manifold", args: ["serve"] }]) {
    const text = preview("github", theirs, after)
      .map((line) => line.text)
      .join("\n")
    expect(text).not.toContain("hunter2")
  }
})

test("other values are unchanged", () => {
  expect(mask(theirs)).toMatchObject({
    command: "npx",
    args: ["-y", "a-server", "--token", "…", "--api-key=<redacted>", "--password", "…", "--verbose"],
    url: "https://<redacted>@mcp.example/mcp?api_key=<redacted>&region=eu",
    env: { REGION: "…", MCP_CONFIG_PATH: "/etc/manifold.yaml" },
    auth: { CLIENT_ID: "abc", CLIENT_SECRET: "…", tokens: "…" },
    disabled: false,
    timeout: 60
  })
})
