import type { Verdict } from '../model.ts'
import { foreign, type Markup, markup } from './markup.ts'

/** What no encryption hides, and how somebody who trusts none of this looks for themselves. */

export function always(): Markup {
  return markup`<section aria-labelledby="always">
<h2 id="always">What a capture always shows</h2>
<p>Encryption hides what is said, not that something is said. Whoever sees the packets learns which address talked to which, when, how often, and how many bytes went either way; from the number of bytes follows the size of a file, closely enough to recognise a known one. The first frames of an sft session and the head of a pipe stand in the clear by nature: the version, the offered suites, one-time public keys, random numbers, a wrapped key. None of them opens anything, but they show that sft is at work, and at which step it is. Who must hide these things too needs a network that does: a VPN or a relay that carries the traffic of many.</p>
</section>`
}

export function byHand({ capture }: Verdict): Markup {
  const name = foreign(capture.name)
  return markup`<section aria-labelledby="by-hand">
<h2 id="by-hand">How to repeat this by hand</h2>
<ol>
<li>See that the capture is the one that was judged: <code class="filter">sha256sum ${name}</code> must print the hash at the top of this page.</li>
<li>Judge it again, on a machine of your own and with the file that was sent: <code class="filter">sft proof check ${name} --plain FILE --texts TEXTS</code>. <code>TEXTS</code> lists the names and passwords to look for.</li>
<li>Look at it in Wireshark, with the dissector that comes with sft: <code class="filter">wireshark -X lua_script:wireshark/sft.lua ${name}</code>. Copy any framed expression of this page into its filter bar, or choose <em>Follow → TCP Stream</em> on a packet and read what a listener reads.</li>
<li>Search for the file yourself: <em>Edit → Find Packet</em>, <em>String</em>, in <em>Packet bytes</em>, with a line of the file or the name of a user. <code>docs/proof.md</code>, which comes with sft, has what to look at for each claim, with tools of your own.</li>
<li>Take a capture of your own: <code class="filter">sft proof run</code> starts an auth server, logs in, gets, sends and pipes a known file while it records, and writes a page like this one with <code>--report</code>.</li>
</ol>
</section>`
}
