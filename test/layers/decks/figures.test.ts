/** Numbers as people write them, and what they are numbers of. */
import { expect, test } from "bun:test"
import { amount, figure, format } from "../../../layers/decks/outline/figures.ts"

test("an amount is read with its sign, its currency and its unit", () => {
  const cases = [
    ["12", 12, "", ""],
    ["+3%", 3, "", "%"],
    ["−4.5 %", -4.5, "", " %"],
    ["1,234.5", 1234.5, "", ""],
    ["1.234,5", 1234.5, "", ""],
    ["1.234.567", 1234567, "", ""],
    ["12,5", 12.5, "", ""],
    ["1 240 t", 1240, "", " t"],
    ["$6.1m", 6.1, "$", "m"],
    ["EUR 30", 30, "EUR", ""],
    ["4.2 h", 4.2, "", " h"]
  ] as const
  for (const [text, value, prefix, suffix] of cases)
    expect([text, amount(text)]).toEqual([text, { value, text, prefix, suffix }])
  for (const text of ["", "about 12", "12 of 30", "v1.2.3", "12 and more words than a unit has", "--3"])
    expect([text, amount(text)]).toEqual([text, undefined])
})

test("a figure is the one number of a line, with what it is of", () => {
  expect(figure("Market share +3%")).toEqual({ value: "+3%", label: "Market share" })
  expect(figure("4 enterprise wins")).toEqual({ value: "4", label: "Enterprise wins" })
  expect(figure("Attrition down to 4%")).toEqual({ value: "4%", label: "Attrition down" })
  expect(figure("Costs -12%")).toEqual({ value: "−12%", label: "Costs" })
  for (const line of ["Beta launched", "From 3% to 5%", "Customers on version 5", "Since 2019", "42", ""])
    expect([line, figure(line)]).toEqual([line, undefined])
})

test("numbers are written with grouped thousands and two decimals at most", () => {
  expect(format(1234.567)).toBe("1,234.57")
  expect(format(-3, "$", "m")).toBe("−$3m")
  expect(format(46, "", "%")).toBe("46%")
})
