/** SPEC S7: what a recorded user is told, by language. Operators edit the files that these become. */
export const notices: Record<string, string> = {
  en: 'What you do in this session is being recorded. If you object, end it now.\n',
  de: 'Was Sie in dieser Sitzung tun, wird aufgezeichnet. Wenn Sie das nicht möchten, beenden Sie sie jetzt.\n',
  es: 'Lo que haga en esta sesión se está grabando. Si no está de acuerdo, ciérrela ahora.\n',
  fr: 'Ce que vous faites dans cette session est enregistré. Si vous vous y opposez, fermez-la maintenant.\n',
}
