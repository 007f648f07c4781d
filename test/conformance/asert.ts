import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { asertTarget } from '../../src/consensus/asert.ts'
import { compactOf, targetOfCompact } from '../support/compact-target.ts'
import { judgeCase, type Suite } from './report.ts'

const SPACING_SEC = 600n
const HALF_LIFE_SEC = 172_800n
const PROOF_OF_WORK_LIMIT = 0x1d00ffff

/** Bitcoin Cash Node's published aserti3-2d runs: files run01, run02, … */
export const run: Suite = async (dir, report) => {
  for (const name of readdirSync(dir).filter((file) => /^run\d+$/.test(file))) {
    await judgeCase(report, name, () => judgeRun(readFileSync(join(dir, name), 'utf8')))
  }
}

function judgeRun(text: string): void {
  const lines = text.split('\n').map((line) => line.trim())
  const fact = (label: string) => {
    const value = lines.find((line) => line.startsWith('##') && line.includes(`${label}:`))?.split(`${label}:`)[1]
    if (value === undefined) throw new Error(`no line "${label}:"`)
    return BigInt(value.trim())
  }
  const anchor = {
    height: fact('anchor height'),
    parentTimeSec: fact('anchor ancestor time'),
    target: targetOfCompact(Number(fact('anchor nBits'))),
  }
  const params = {
    spacingSec: SPACING_SEC,
    halfLifeSec: HALF_LIFE_SEC,
    maxTarget: targetOfCompact(PROOF_OF_WORK_LIMIT),
  }
  const rows = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (BigInt(rows.length) !== fact('iterations')) throw new Error(`${rows.length} rows, not ${fact('iterations')}`)
  for (const row of rows) {
    const [iteration, height, time, bits] = row.split(/\s+/)
    const parent = { height: BigInt(height!), timeSec: BigInt(time!) }
    const computed = compactOf(asertTarget(anchor, parent, params))
    if (computed !== Number(bits)) throw new Error(`row ${iteration}: 0x${computed.toString(16)}, not ${bits}`)
  }
}
