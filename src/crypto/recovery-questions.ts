import { sendersQuestion } from './senders-question.ts'
import { signersQuestion } from './signers-question.ts'

/** All that a recovery worker can be asked, by name. */
export const QUESTIONS = { senders: sendersQuestion, signers: signersQuestion } as const
export type QuestionName = keyof typeof QUESTIONS

/** What is posted to a worker. */
export interface AskedQuestion {
  readonly name: QuestionName
  readonly question: ArrayBuffer
}

/** Posted instead of a question: the worker ends. */
export const END_OF_QUESTIONS = null
