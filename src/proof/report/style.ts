/**
 * The style sheet of a report. Colours are pairs that keep a contrast of 4.5 in light and in dark; what colour says, a shape or a word says too. Below 46 rem the
 * rows of tables become blocks, so that nothing is wider than a phone.
 */

const COLOURS = {
  light: `--paper:#fff;--raised:#f5f6f8;--ink:#15191e;--mute:#535c66;--line:#d5dae0;--faint:#e9ecf0;--link:#0a4f93;
--holds:#0d6630;--fails:#ad1f1a;--unknown:#775000;--sealed:#14508f;--clear:#a84b00;--random:#ad1f1a`,
  dark: `--paper:#101317;--raised:#191d23;--ink:#e7eaee;--mute:#9fa9b4;--line:#353c45;--faint:#242a32;--link:#7db9ff;
--holds:#5bd27f;--fails:#ff8d85;--unknown:#e6b84a;--sealed:#6fb0fa;--clear:#ffae66;--random:#ff8d85`
}

const TEXT = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 -apple-system,"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",Arial,sans-serif;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
main{max-width:66rem;margin:0 auto;padding:2.5rem 1.5rem 4rem}
h1,h2,h3{line-height:1.2;text-wrap:balance}
h2{font-size:1.5rem;margin:3.5rem 0 .75rem;letter-spacing:-.01em}
h3{font-size:1.125rem;margin:0}
h3 .sub{display:block;font-weight:400;color:var(--mute);margin-top:.15rem}
p,ol{max-width:44rem;margin:.5rem 0;text-wrap:pretty}
li{margin:.35rem 0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
code{font:.875em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
.filter{display:inline-block;max-width:100%;padding:.05em .45em;border:1px solid var(--line);border-radius:4px;background:var(--raised);user-select:all;-webkit-user-select:all}
.said{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.defs{position:absolute;width:0;height:0}
.cut{fill:none;stroke:var(--paper);stroke-width:2.2;stroke-linecap:round;stroke-linejoin:round}`

const HEAD = `
.judgement{border-left:.5rem solid;padding-left:1.5rem}
.holds.judgement,.badge.holds,.holds h1 svg{color:var(--holds)}
.fails.judgement,.badge.fails,.fails h1 svg{color:var(--fails)}
.unknown.judgement,.badge.unknown,.unknown h1 svg{color:var(--unknown)}
.judgement>*{color:var(--ink)}
.judgement .kicker{color:var(--mute);margin:0 0 .5rem;font-size:.875rem}
h1{display:flex;gap:.6rem;align-items:flex-start;font-size:clamp(1.75rem,1.2rem + 2.6vw,2.75rem);letter-spacing:-.02em;margin:0}
h1 svg{flex:none;width:1em;height:1em;margin-top:.1em}
.refuted{margin:0 0 1rem;padding-left:1.2rem}
.lead{font-size:1.1875rem;margin:.75rem 0 1rem}
.tally{display:flex;flex-wrap:wrap;gap:.25rem 1.75rem;list-style:none;padding:0;margin:0}
.tally a{color:inherit;text-decoration-color:var(--line);text-underline-offset:.2em}
.tally b{font-size:1.25rem}
.judgement h2{margin:2rem 0 .5rem;font-size:1rem;letter-spacing:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.75rem 2rem;margin:0}
.facts .wide{grid-column:1/-1}
.facts dt{color:var(--mute);font-size:.875rem}
.facts dd{margin:0}
.hash{font:.9375rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
.hash span{margin-right:.6em;display:inline-block}`

const TABLES = `
table{width:100%;border-collapse:collapse;margin:1rem 0;text-align:left}
thead th{font-size:.875rem;font-weight:600;color:var(--mute);vertical-align:bottom}
th,td{padding:.7rem 1rem .7rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
tbody th{font-weight:600}
.blocks td:last-child,.blocks th:last-child{padding-right:0}
.blocks tbody th{width:32%}
.state{width:9rem;white-space:nowrap}
.badge{display:inline-flex;gap:.45em;align-items:center;font-weight:600}
.badge svg{width:1.15em;height:1.15em;flex:none}
.id{display:block;font-weight:400;font-size:.875rem;color:var(--mute)}
.evidence{margin:0;padding:0;list-style:none}
.evidence li{margin:0 0 .5rem}
.evidence li:last-child{margin:0}
td p{margin:0 0 .5rem}
.own{color:var(--mute)}
.commands tbody th{width:auto;font-weight:400}
.commands .exit,.commands thead th:last-child{width:7rem;text-align:right}
.overview tbody th{width:auto;font-weight:400}
.overview .n,.overview thead th:nth-child(n+4){text-align:right;white-space:nowrap}
.overview .n:first-child{text-align:left}
.commands th,.commands td,.overview th,.overview td{padding-top:.45rem;padding-bottom:.45rem}
.label{display:none}
summary{cursor:pointer;color:var(--link)}
.evidence+details{margin-top:.5rem}details .evidence{margin-top:.5rem}
.connection{border-top:1px solid var(--line);padding:1rem 0}
.connection[open]{padding-bottom:2rem}
.connection>summary{color:inherit;display:flex;gap:.75rem;list-style:none}
.connection>summary::-webkit-details-marker{display:none}
.connection>summary::before{content:"";flex:none;width:.55rem;height:.55rem;margin:.4rem .2rem 0 0;border:solid var(--link);border-width:0 2px 2px 0;transform:rotate(-45deg)}
.connection[open]>summary::before{transform:rotate(45deg)}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.75rem;list-style:none;padding:0;margin:1.5rem 0 0;color:var(--mute);font-size:.9375rem}
.legend+.connection{margin-top:1.5rem}
.legend .key{width:40px;height:10px;margin-right:.5em}
i{font-style:normal;font-size:.75rem;font-weight:600;line-height:1;border:1px solid currentColor;border-radius:3px;padding:.05rem .3rem;color:var(--mute);vertical-align:.08em}`

const DRAWINGS = `
.sequence th,.sequence td{padding:.3rem .75rem;border:0}
.sequence thead th{padding-bottom:.5rem}
.sequence td,.sequence thead th:nth-child(n+4),.sequence thead th:nth-child(-n+2){text-align:right;white-space:nowrap;width:1%}
.sequence td{vertical-align:bottom}
.sequence .c,.sequence thead th:nth-child(4){padding-right:.25rem}
.sequence .t{color:var(--mute)}
.sequence .f{font-weight:400;border:solid var(--mute);border-width:0 2px;padding:.3rem 0 .15rem}
.sequence .ends{padding-left:0;padding-right:0}
.ends span{display:inline-block;max-width:49%}
.ends span:last-child{float:right;text-align:right}
.sequence .w{display:block;padding:0 .9rem}
.sequence .down .w{text-align:right}
.sequence .run .f{border-style:dashed}
.arrow{display:block;height:14px;width:calc(100% - 11px);overflow:visible}
.down .arrow{margin-left:11px}
.arrow.filled{fill:var(--sealed)}.arrow.open{fill:var(--clear)}
rect.s{fill:var(--sealed)}
rect.c{fill:url(#open);stroke:var(--clear);stroke-width:1}
.hatch{stroke:var(--clear);stroke-width:2.4}
.sequence tbody tr:hover{background:var(--raised)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1.5rem 2rem;margin:1.5rem 0}
figure{margin:0;display:flex;flex-direction:column;justify-content:space-between}
figcaption{font-size:.9375rem;color:var(--mute);margin-bottom:.5rem}
figcaption b{display:block;color:var(--ink)}
.plot{width:100%;height:auto;display:block}
.plot text{font-size:11px;fill:var(--mute)}
.plot .key{fill:var(--random)}
.bars{fill:var(--sealed)}.band{fill:var(--random);opacity:.14}
.random{stroke:var(--random);stroke-width:1.4;stroke-dasharray:5 3;fill:none}
.axis{stroke:var(--mute);fill:none}
.area{fill:var(--sealed);opacity:.18}.line{stroke:var(--sealed);stroke-width:1.6;fill:none}
.clear .bars,.clear .area{fill:var(--clear)}.clear .line{stroke:var(--clear)}`

const NARROW = `
main{padding:1.5rem 1rem 3rem}
.judgement{padding-left:1rem;border-left-width:.375rem}
.blocks,.blocks tbody,.blocks tr,.blocks tbody th,.blocks td{display:block;width:auto}
.blocks thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.blocks tr{border-bottom:1px solid var(--line);padding:.9rem 0}
.blocks tbody th,.blocks td{border:0;padding:.15rem 0}
.blocks .exit,.overview .n{text-align:left;display:inline-block;margin-right:1rem}
.label{display:inline;color:var(--mute)}
.sequence,.sequence thead,.sequence thead tr,.sequence tbody{display:block}
.sequence thead th{display:none}
.sequence thead .ends{display:flex;justify-content:space-between;width:auto;padding:0 0 .25rem}
.sequence tbody tr{display:flex;flex-wrap:wrap;align-items:baseline;border:solid var(--mute);border-width:0 2px}
.sequence tbody .run{border-style:dashed}
.sequence td{width:auto;color:var(--mute);font-size:.8125rem;padding:.5rem 0 0 .5rem}
.sequence td::before{content:"No. "}.sequence .t::before{content:none}.sequence .t::after{content:" ms"}
.sequence .c::before,.sequence .s::before{content:none}.sequence .c::after{content:" clear"}.sequence .s::after{content:" sealed"}
.sequence .c{margin-left:auto;padding-right:0}.sequence .s{padding-right:.4rem}
.sequence .f{order:1;width:100%;border:0;padding-top:0}
.sequence .w{padding:0 .4rem}`

/** Ink is for what is said: the page keeps its colours, its rows stay whole, and what only a screen can use goes. */
const PRINTED = `
@page{margin:16mm 14mm}
html{font-size:9.5pt}
main{max-width:none;padding:0}
h2{margin-top:2rem}h2,h3{break-after:avoid}
tr,figure,li,.facts,.legend{break-inside:avoid}
thead{display:table-header-group}
.sequence tbody tr:hover{background:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
a{color:inherit}
td details::details-content{content-visibility:visible;display:block;height:auto}
td summary{display:none}`

export const STYLE = `:root{${COLOURS.light}}
@media screen{:root{color-scheme:light dark}}
@media screen and (prefers-color-scheme:dark){:root{${COLOURS.dark}}}${TEXT}${HEAD}${TABLES}${DRAWINGS}
@media screen and (max-width:46rem){${NARROW}}
@media print{${PRINTED}}
`
