/** Codes of revisions before 2026-07-28, which only upstream servers send. */

export const resourceNotFound = -32_002
/** A call that its user must visit pages for first (MCP 2025-11-25, `URLElicitationRequiredError`). */
export const urlRequired = -32_042
