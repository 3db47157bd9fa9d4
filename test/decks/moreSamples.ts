/** Sample decks of everyday requests: an outline that a model writes, and details as people type them. */
import type { Request } from "../../layers/decks/outline/arrange.ts"
import type { Outline } from "../../layers/decks/outline/Outline.ts"

/** The quarterly review as the calling model writes it. */
export const reviewOutline: Outline = {
  slides: [
    {
      layout: "title",
      headline: "On time again, at a lower cost",
      kicker: "Halvorsen Logistics",
      subtitle: "Quarterly business review, Q3 2026"
    },
    {
      layout: "numbers",
      headline: "Delivery and cost improved, two outages are on us",
      numbers: [
        { value: "96.4%", label: "delivered on time in September" },
        { value: "€11.20", label: "per shipment, from €12.85" },
        { value: "44", label: "net promoter score, from 31" },
        { value: "7 h", label: "of booking time lost in August" }
      ]
    },
    {
      layout: "chart",
      headline: "On-time delivery reached 96.4% in September",
      chart: {
        kind: "line",
        labels: ["Apr", "May", "Jun", "Jul", "Aug", "Sep"],
        series: [{ name: "On time", values: [92.1, 93, 93.8, 95.1, 94.2, 96.4] }],
        suffix: "%"
      },
      points: [
        { lead: "Target", text: "94.5%" },
        { lead: "August", text: "two outages" }
      ]
    },
    {
      layout: "table",
      headline: "All three incidents are fixed",
      columns: ["Date", "What happened", "Duration", "Root cause"],
      rows: [
        ["4 Aug", "Booking API unavailable", "4 h 10 min", "Expired certificate"],
        ["19 Aug", "Label printing delayed", "2 h 50 min", "Queue overload"],
        ["7 Sep", "Wrong customs codes", "0 h 35 min", "Bad reference data"]
      ]
    },
    {
      layout: "closing",
      headline: "We ask for three decisions",
      points: [
        { text: "Sign the renewal by 15 November" },
        { text: "Name an owner for the returns portal" },
        { text: "Open the Gdańsk feed for the pilot" }
      ]
    }
  ]
}

const request = (
  client: string,
  project: string,
  type: string,
  slides: number,
  details: Request["details"]
) => ({
  client,
  project,
  type,
  slides,
  details
})

export const review = request("Halvorsen Logistics", "Q3 2026", "Result", 5, [])

export const incident = request("Platform team", "Checkout outage of 12 October", "Incident note", 7, [
  "Summary: Checkout was unavailable for 47 minutes, and 8,312 orders failed",
  "Timeline:",
  "14:02 Release rolled out to 100%",
  "14:05 Error rate above 5%, no page because the alert was muted",
  "14:24 On-call paged by hand",
  "14:49 Migration reverted, service recovered",
  "Root cause: the migration dropped a column that the payment worker still read",
  "Contributing factors:",
  "- The alert had been muted since the load test",
  "- The rollback runbook did not cover migrations",
  "```sql",
  "ALTER TABLE orders",
  "  DROP COLUMN legacy_ref;",
  "```",
  "Action items:",
  "| Action | Owner | Due |",
  "|---|---|---|",
  "| Expand and contract, enforced in CI | Priya | 2026-10-30 |",
  "| Mutes expire after 24 hours | Tom | 2026-10-20 |"
])

export const list = request("acme", "Q4 planning", "notes", 4, [
  "Revenue target 2.4M, stretch 2.7",
  "Churn is up again, 3.1 to 3.9%",
  "Launch date to be decided",
  "Todo: pricing page",
  "Todo: onboarding emails",
  "Do we keep the Android app?",
  "Legal checks the vendor's contract"
])

export const arabic = request("شركة النور", "خطة التوسع", "نتيجة", 6, [
  "زيادة الحصة السوقية بنسبة 3%",
  "الإيرادات: Q1 10, Q2 14, Q3 22",
  "المخاطر الرئيسية:",
  "- ارتفاع تكاليف الشحن بنسبة 12%",
  "- نقص الموظفين المؤهلين في الرياض وجدة",
  "| المدينة | الفرع | تاريخ الافتتاح |",
  "| الرياض | العليا | يناير 2027 |",
  "| جدة | التحلية | مارس 2027 |",
  "الخطوات التالية:",
  "1. توقيع عقد الإيجار",
  "2. تعيين مدير إقليمي"
])
