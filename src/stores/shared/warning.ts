/** A warning from a store to its operator. */
export interface StoreWarning {
  /**
   * `"EVICTING_POLICY"`: Redis may evict keys that have not expired. `"PURGE_FAILED"`: expired records could not
   * be removed; the store will try again. `"TTL_OFF"`: the server of a DynamoDB table does not remove expired records.
   */
  code: "EVICTING_POLICY" | "PURGE_FAILED" | "TTL_OFF";
  /** What is wrong and what to do about it. */
  message: string;
}
