import { bigintToBytes, toHex } from '../../src/primitives/bytes.ts'
import { decryptKeystore } from '../../src/wallet/keystore.ts'
import { jsonFiles, namedCases, text } from './cases.ts'
import { expectSame, judgeCase, type Report } from './report.ts'

/** Cases `{json, password, priv}`: the keystore `json` decrypts to `priv`. */
export async function run(dir: string, report: Report): Promise<void> {
  for (const file of jsonFiles(dir, report)) {
    for (const [name, fields] of namedCases(file, report)) {
      await judgeCase(report, name, async () => {
        const keystore = typeof fields.json === 'string' ? JSON.parse(fields.json) : fields.json
        const privateKey = await decryptKeystore(keystore, text(fields, 'password'))
        // Some cases leave out leading zeros.
        const expected = bigintToBytes(BigInt(`0x${text(fields, 'priv').replace(/^0x/, '')}`), 32)
        expectSame('private key', toHex(privateKey), toHex(expected))
      })
    }
  }
}
