import t from 'tap'
import { foreign, legible, Markup, markup } from '../../../src/proof/report/markup.ts'

t.test('what is put in is text: no tag, no attribute, no entity', t => {
  const hostile = `<script>alert(1)</script>"onload='x'&amp;`
  const { source } = markup`<p title="${hostile}">${hostile}</p>`
  t.notMatch(source.slice(3), /<(?!\/p>)/)
  t.equal(source.split('"').length, 3, 'the attribute ends where the template ends it')
  t.match(source, '&lt;script&gt;alert(1)&lt;/script&gt;&quot;onload=&#39;x&#39;&amp;amp;')
  t.end()
})

t.test('what this template made stays, alone and in a list; what is not there leaves nothing', t => {
  const list = [markup`<b>${1}</b>`, markup`<b>${2}</b>`]
  t.equal(markup`${list}${undefined}${false}${new Markup('<hr>')}`.source, '<b>1</b><b>2</b><hr>')
  t.equal(markup`${0}`.source, '0')
  t.end()
})

t.test('characters that hide, turn or ring are written out', t => {
  t.equal(legible('gpj.\u202etxt'), 'gpj.\\u{202e}txt')
  t.equal(legible('a\u0000\u0007\u001b[2J\u007f\u0085b'), 'a\\u{0}\\u{7}\\u{1b}[2J\\u{7f}\\u{85}b')
  t.equal(legible('a\u200b\u2066\ufeff\u2028\u{e0041}'), 'a\\u{200b}\\u{2066}\\u{feff}\\u{2028}\\u{e0041}')
  t.equal(legible('half \ud800'), 'half \\u{d800}')
  t.equal(legible('two\nlines'), 'two lines')
  t.equal(legible('Grüße 文件 ملف'), 'Grüße 文件 ملف', 'letters of any script stay')
  t.end()
})

t.test('a text of any length is cut, between characters', t => {
  t.equal(legible('x'.repeat(400)).length, 400)
  t.equal(legible('x'.repeat(1_000_000)), `${'x'.repeat(400)} … (cut)`)
  t.equal(legible('😀'.repeat(9), 4), '😀😀😀😀 … (cut)')
  t.equal(legible('😀'.repeat(4), 4), '😀😀😀😀')
  t.end()
})

t.test('what runs from right to left is kept apart', t => {
  t.equal(foreign('ملف <b>').source, '<bdi>ملف &lt;b&gt;</bdi>')
  t.end()
})
