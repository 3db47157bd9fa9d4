/** Pending URL elicitations of an upstream server are bounded, per principal and in total. */
import { expect, test } from "bun:test"
import { Context, Effect } from "effect"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Client } from "../../../src/catalog/Client.ts"
import { UrlElicitations } from "../../../src/upstreams/UrlElicitations.ts"
import { user } from "../catalog/entries.ts"

const callOf = (subject: string, finished: Array<string>) => {
  const completed = (id: string) => Effect.sync(() => void finished.push(id))
  return Context.make(Caller, { principal: user(subject), requestId: "1" }).pipe(
    Context.add(Client, { ...Client.absent, completed })
  )
}

test("a principal with too many pending pages loses its oldest, and no other principal does", () => {
  const elicitations = new UrlElicitations()
  const finished: Array<string> = []
  elicitations.add("other", callOf("other", finished))
  for (let index = 0; index < 40; index++) elicitations.add(`own-${index}`, callOf("own", finished))
  expect(elicitations.size).toBe(33)
  for (const id of ["own-7", "own-8", "other", "other"]) Effect.runSync(elicitations.complete(id))
  expect(finished).toEqual(["own-8", "other"])
})

test("the pages of many principals are bounded in total", () => {
  const elicitations = new UrlElicitations()
  for (let index = 0; index < 1100; index++) elicitations.add(`id-${index}`, callOf(`user-${index}`, []))
  expect(elicitations.size).toBe(1000)
})
