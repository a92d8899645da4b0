/** The layout of the series that tests count in: that of the default settings. */
import { seriesLayout, type SeriesAnnouncement } from '../../src/observe/series.ts';
import { SeriesReader, type CommonLabels } from '../../src/observe/series-reader.ts';
import { SeriesWriter } from '../../src/observe/series-writer.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';

export const LAYOUT = seriesLayout(DEFAULT_SETTINGS.proxy);

/** A writer in that layout. */
export function seriesWriter(
  counters: Float64Array,
  announce: (announcement: SeriesAnnouncement) => void = () => undefined,
): SeriesWriter {
  return new SeriesWriter(counters, LAYOUT, announce);
}

/** A reader of it. */
export function seriesReader(common: CommonLabels, perHost = true, maxRetired?: number): SeriesReader {
  return new SeriesReader(common, { layout: LAYOUT, perHost, ...(maxRetired === undefined ? {} : { maxRetired }) });
}
