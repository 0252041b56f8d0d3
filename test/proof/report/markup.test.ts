import t from 'tap'
import { html, Markup } from '../../../src/proof/report/markup.ts'
import { bytes, counted, milliseconds, packetFilter } from '../../../src/proof/report/words.ts'

t.test('what is put into a template is text, unless a template made it', t => {
  const hostile = `<b onclick="x('y')">&amp;`
  t.equal(html`<p title="${hostile}">${hostile}</p>`.text.match(/[<>"']/g)?.join(''), '<""><>')
  t.equal(html`${html`<i>${'<'}</i>`}`.text, '<i>&lt;</i>')
  t.equal(html`${['a<', html`<br>`, 3, ['"']]}`.text, 'a&lt;<br>3&quot;')
  t.equal(html`-${undefined}${false}${0}-`.text, '-0-')
  t.equal(html`${new Markup('<!doctype html>')}`.text, '<!doctype html>')
  t.end()
})

t.test('characters that are not seen, or turn what follows, are shown as their numbers', t => {
  const rows: [string, string][] = [
    ['a\u202etxt', 'a\\u{202e}txt'],
    ['\u001b[31m', '\\u{1b}[31m'],
    ['a\nb\tc', 'a\\u{a}b\\u{9}c'],
    ['\u2066\u200b\ufeff', '\\u{2066}\\u{200b}\\u{feff}'],
    ['\ud800', '\\u{d800}'],
    ['é 漢 🙂 ⊕', 'é 漢 🙂 ⊕']
  ]
  for (const [text, shown] of rows) t.equal(html`${text}`.text, shown)
  t.end()
})

t.test('numbers and filters', t => {
  t.same([0, 1023, 1024, 1_572_864, 2 ** 31, 2 ** 44].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 MiB',
    '2.0 GiB',
    '16384.0 GiB'
  ])
  t.same([counted(1, 'packet'), counted(12_000, 'packet')], ['1 packet', '12,000 packets'])
  t.same([milliseconds(0.04), milliseconds(12_345.67)], ['0.0', '12,345.7'])
  t.same([packetFilter([7]), packetFilter([3, 7])], ['frame.number == 7', 'frame.number in {3, 7}'])
  t.end()
})
