const NOT_IN_ANCHORS = /[^\p{Letter}\p{Mark}\p{Number}\p{Connector_Punctuation}\- ]/gu;

/** A heading's anchor by GitHub's rules, so that one link works on the site, on GitHub and on npm. */
export const anchorOf = (heading: string): string =>
  heading.trim().toLowerCase().replace(NOT_IN_ANCHORS, "").replaceAll(" ", "-");
