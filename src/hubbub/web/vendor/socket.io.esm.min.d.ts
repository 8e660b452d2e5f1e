/** What the page uses of the file beside this one, for the type check of the tests. */
export const io: (url: string, options: object) => any;
