import t from 'tap'
import { Onlooker } from '../../../src/proof/dissect/onlooker.ts'
import type { FrameType } from '../../../src/streams/types.ts'

/** `i`: the initiator, who dialled; `r`: the responder. */
type Step = `${'i' | 'r'}${FrameType}`

/** The steps that have no place, with the state in which they were met. */
function misfits(text: string): string[] {
  const onlooker = new Onlooker()
  return text.split(' ').flatMap(step => {
    const type = step.slice(1) as FrameType
    const { state, fits } = onlooker.see(type, (step as Step).startsWith('i') ? 'initiator' : 'responder')
    return fits ? [] : [`${step} in ${state}`]
  })
}

const OPEN = 'iHELO rHELR rSECE rSECV rSECF iSECE iSECV iSECF rRSCV'

const GOOD: Record<string, string> = {
  'a get': `${OPEN} iRQFL rSTRM rRSFL rRSFL rFINL iACPT iCLOS rCLOS`,
  'the first request before the session begins': `${OPEN.replace(' rRSCV', '')} iRQFL rRSCV rSTRM rFINL iACPT iCLOS`,
  'a get that is refused, and another': `${OPEN} iRQFL rRSCI iRQFL rSTRM rFINL iACPT iCLOS`,
  'a send': `${OPEN} iOFFR rACPT iSTRM iRSFL iFINL rACPT iCLOS rCLOS`,
  'lists and signs of life anywhere': `${OPEN} iCRLN rCRLN iPING iRQFL rPING rSTRM rCRLN rRSFL iPING rFINL rPING iACPT iCLOS`,
  'a list right behind the proof': `${OPEN.replace(' rRSCV', '')} iCRLN iRQFL rRSCV rCRLN rRSCI iCLOS`,
  'cancelled while chunks are under way': `${OPEN} iRQFL rSTRM rRSFL iABRT rRSFL rRSFL`,
  'the sender ends': `${OPEN} iRQFL rSTRM rRSFL rABRT iABRT`,
  'a refused initiator': 'iHELO rHELR rSECE rSECV rSECF iSECE iSECV iSECF rRSCI iRQFL',
  'a refused responder': 'iHELO rHELR rSECE rSECV rSECF iRSCI',
  'something illegal in the handshake': 'iHELO rHELR rSECE rSECV rSECF iABRT',
  'a stripe of a get': 'iJOIN rJOIR rRSFL rRSFL rFINL iCLOS',
  'a stripe of a send': 'iJOIN rJOIR iPING iRSFL rPING iFINL iCLOS rCLOS',
  'a stripe that carries one after the other': 'iJOIN rJOIR rRSFL rFINL iFINL rRSFL rFINL iCLOS',
  'a stripe without a chunk': 'iJOIN rJOIR rFINL iCLOS',
  'a stripe that is given up': 'iJOIN rJOIR rRSFL iABRT rRSFL'
}

for (const [name, text] of Object.entries(GOOD)) {
  t.test(name, t => {
    t.same(misfits(text), [])
    t.end()
  })
}

const BAD: Record<string, readonly [text: string, first: string]> = {
  'the responder begins': ['rHELO', 'rHELO in start'],
  'data before keys': ['iHELO iRSFL', 'iRSFL in chain'],
  'a signature before the certificate': ['iHELO rHELR rSECV', 'rSECV in chain'],
  'a request before the proof': ['iHELO rHELR rSECE rSECV rSECF iSECE iSECV iRQFL', 'iRQFL in mac'],
  'an answer before the session begins': [`${OPEN.replace(' rRSCV', '')} iRQFL rSTRM`, 'rSTRM in authenticated'],
  'a responder that asks': [`${OPEN} rRQFL`, 'rRQFL in idle'],
  'a stream that nobody asked for': [`${OPEN} rSTRM`, 'rSTRM in idle'],
  'a chunk before its header': [`${OPEN} iRQFL rRSFL`, 'rRSFL in requested'],
  'a chunk of the wrong side': [`${OPEN} iRQFL rSTRM iRSFL`, 'iRSFL in sending'],
  'a chunk behind the end': [`${OPEN} iRQFL rSTRM rFINL rRSFL`, 'rRSFL in received everything'],
  'an end before a stream': [`${OPEN} iRQFL iCLOS`, 'iCLOS in asked'],
  'a second handshake': [`${OPEN} iHELO`, 'iHELO in idle'],
  'more after one has ended': [`${OPEN} iCLOS iRQFL`, 'iRQFL in over'],
  'a sign of life before keys': ['iHELO iPING', 'iPING in chain'],
  'a reason before keys': ['iHELO rABRT', 'rABRT in hello sent'],
  'a request on a stripe': ['iJOIN rJOIR iRQFL', 'iRQFL in resting'],
  'a list on a stripe': ['iJOIN rJOIR iCRLN', 'iCRLN in resting'],
  'both ways at once on a stripe': ['iJOIN rJOIR rRSFL iRSFL', 'iRSFL in sending'],
  'a stripe that ends inside a stream': ['iJOIN rJOIR rRSFL rCLOS', 'rCLOS in receiving'],
  'chunks of a stripe before it is taken': ['iJOIN iRSFL', 'iRSFL in joining'],
  'a checkpoint in a session': [`${OPEN} iRQFL rSTRM rCKPT`, 'rCKPT in receiving']
}

for (const [name, [text, first]] of Object.entries(BAD)) {
  t.test(`M6: ${name}`, t => {
    t.same(misfits(text), [first])
    t.end()
  })
}
