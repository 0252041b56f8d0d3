/** The look of the report: one column, light or dark as the reader has it, on a phone and on paper. */

export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --panel: #f6f8fa; --ink: #1f2328; --mute: #57606a; --rule: #d0d7de; --good: #116329; --bad: #a40e26; --open: #7d4e00; --blue: #0550ae; --band: #ddf4ff }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --panel: #161b22; --ink: #e6edf3; --mute: #9198a1; --rule: #3d444d; --good: #56d364; --bad: #ff8182; --open: #e3b341; --blue: #79c0ff; --band: #12283f } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin: .25rem 0 .5rem; text-wrap: balance }
h2 { font-size: 1.3rem; margin: 3rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--rule) }
h3 { font-size: 1.1rem; margin: 2.5rem 0 .25rem }
h4 { font-size: .9rem; margin: 0; overflow-wrap: anywhere }
p { margin: .4rem 0; max-width: 46rem; overflow-wrap: anywhere }
code { font: .85em/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
.filter { user-select: all; background: var(--panel); border: 1px solid var(--rule); border-radius: 4px; padding: 0 .3em }
.kicker { color: var(--mute); font-size: .9rem; margin: 0 }
.verdict { border-left: .5rem solid var(--good); padding: .25rem 0 .25rem 1rem; margin: 1rem 0 1.5rem }
.verdict.fails { border-left-style: double; border-left-color: var(--bad) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; font-size: .9rem }
dt { color: var(--mute) } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .45rem .6rem; border-bottom: 1px solid var(--rule) }
thead th { color: var(--mute); font-weight: 600; white-space: nowrap }
tbody th { font-weight: 600 }
ul { margin: 0; padding-left: 1.1rem } li { margin: 0 0 .25rem; overflow-wrap: anywhere }
.claims th[scope=row], .controls th[scope=row] { width: 24% } .claims td:nth-child(2), .controls td:nth-child(3) { white-space: nowrap }
.controls td:nth-child(2) { width: 26% }
.number, thead .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.mark { font-weight: 700; white-space: nowrap } .mark.holds { color: var(--good) } .mark.fails { color: var(--bad) } .mark.unknown { color: var(--open) }
.mark > span { display: inline-block; width: 1.5em; height: 1.5em; line-height: 1.4em; text-align: center; border: 2px solid; border-radius: 50% } .mark.fails > span { border-radius: 0 } .mark.unknown > span { border-style: dashed }
.scroll { overflow: auto; max-height: 32rem; border: 1px solid var(--rule); border-radius: 6px; margin: .75rem 0 } .scroll:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px }
.scroll thead th { position: sticky; top: 0; background: var(--panel); z-index: 1 }
.overview td, .steps td { white-space: nowrap }
.flows { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin: .75rem 0 }
.flow { border: 1px solid var(--rule); border-radius: 6px; padding: .75rem; min-width: 0 } .flow p { font-size: .9rem; color: var(--mute); margin: .1rem 0 .5rem }
figure { margin: 0 0 .75rem } figcaption { font-size: .8rem; color: var(--mute); overflow-wrap: anywhere }
figure svg { display: block; width: 100%; height: auto } svg text { font-size: 11px; fill: var(--mute) } .end { text-anchor: end } .middle { text-anchor: middle }
.bars { stroke: var(--blue); stroke-width: 1.6; fill: none } .band { fill: var(--band) } .expected { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 5 3; fill: none } .line { stroke: var(--blue); stroke-width: 1.8; fill: none } .dot { fill: var(--blue) } .axis { stroke: var(--rule); fill: none }
.sequence { table-layout: fixed; min-width: 40rem } .sequence th:nth-child(1), .sequence th:nth-child(2) { width: 6rem } .sequence th:nth-child(4) { width: 6.5rem } .sequence th:nth-child(5) { width: 8.5rem }
.sequence td { padding: .2rem .6rem } .sequence thead th { white-space: normal } .sequence thead th:not(:nth-child(3)) { text-align: right }
.ends { display: flex; justify-content: space-between; gap: 1rem; flex-wrap: wrap }
.arrow { display: block; position: relative; padding: 0 .6rem } .arrow.down .label { display: block; text-align: right } .label { display: block; line-height: 1.25; overflow-wrap: anywhere } .detail { color: var(--mute); font-size: .85em }
.shaft { display: block; position: relative; border: 1px solid var(--ink); height: 8px; margin: 1px 0 3px } .bytes { display: block; width: 100%; height: 100% }
.arrow::after { content: ""; position: absolute; bottom: 0; border: 7px solid transparent } .arrow.up::after { right: -7px; border-left-color: var(--ink) } .arrow.down::after { left: -7px; border-right-color: var(--ink) }
.clear { fill: var(--paper) } .sealed { fill: url(#hatch) } .hatch { stroke: var(--blue); stroke-width: 2.5 }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; font-size: .85rem; color: var(--mute) } .legend span { display: inline-flex; align-items: center; gap: .4rem } .legend svg { width: 3rem; height: 8px; border: 1px solid var(--ink) }
.gap td { text-align: center; color: var(--mute) }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
@media (max-width: 44rem) {
  h1 { font-size: 1.5rem } figure svg text { font-size: 17px }
  .claims, .claims tbody, .claims tr, .claims th, .claims td, .controls, .controls tbody, .controls tr, .controls th, .controls td { display: block; width: auto !important; border: 0; padding: .15rem 0 }
  .claims thead, .controls thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  .claims tr, .controls tr { border-bottom: 1px solid var(--rule); padding: .75rem 0 }
  .controls td:nth-child(2)::before { content: "must fail: "; color: var(--mute) }
  dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .4rem }
}
@media print {
  :root { --paper: #fff; --panel: #fff; --ink: #000; --mute: #333; --rule: #999; --good: #000; --bad: #000; --open: #000; --blue: #333; --band: #eee }
  body { font-size: 10pt } main { max-width: none; padding: 0 } .scroll { max-height: none; overflow: visible; border: 0 } .scroll thead th { position: static }
  tr, figure, .flow { break-inside: avoid } h2, h3, h4 { break-after: avoid } .sequence { min-width: 0 } .overview td, .steps td { white-space: normal }
  * { print-color-adjust: exact }
}
`
