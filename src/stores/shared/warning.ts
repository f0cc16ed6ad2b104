/** A warning of a store for its operator, apart from its answers. */
export interface StoreWarning {
  /**
   * `"EVICTING_POLICY"`: Redis may drop keys that have not expired. `"PURGE_FAILED"`: expired records could not be
   * removed, and will be tried again.
   */
  code: "EVICTING_POLICY" | "PURGE_FAILED";
  /** What is wrong and what to do about it. */
  message: string;
}
