/** Which characters ingress-nginx takes in some annotations (internal/ingress/annotations/parser/validators.go). */

/** `BasicCharsRegex`: names, and values that are compared. */
export const BASIC_CHARACTERS = /^[/\-._~a-zA-Z0-9:]*$/;

/** `URLIsValidRegex`. */
export const URL_CHARACTERS = /^[/\-._~a-zA-Z0-9:?&=]*$/;
