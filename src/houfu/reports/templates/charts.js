"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const data = JSON.parse(document.getElementById("data").textContent);
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(`--${name}`).trim();
  const [A, B, UP, DOWN, INK, SOFT, LINE] = ["a", "b", "up", "down", "ink", "soft", "line"].map(colour);
  const FONT = getComputedStyle(document.body).fontFamily;
  const english = () => document.getElementById("en").checked;
  const say = (zh, en) => (english() ? en : zh);
  const narrow = (box) => box.clientWidth < 480;

  // For axes and labels alone: every exact figure stands in a table.
  const short = (fen) => {
    const yuan = fen / 100;
    const units = english() ? [[1e9, "B"], [1e6, "M"], [1e3, "K"]] : [[1e8, "亿"], [1e4, "万"]];
    const size = Math.abs(yuan);
    const [unit, name] = units.find(([least]) => size >= least) ?? [1, ""];
    const scaled = yuan / unit;
    return scaled.toLocaleString("en-US", { maximumFractionDigits: Math.abs(scaled) < 100 ? 2 : 0 }) + name;
  };
  const yuan = (fen) => `¥${(fen / 100).toLocaleString("en-US")}`;
  const count = (value) => value.toLocaleString("en-US");

  const text = { fontFamily: FONT, color: SOFT, fontSize: 12 };
  const category = (values, more = {}) => ({
    type: "category", data: values, axisTick: { show: false }, axisLine: { lineStyle: { color: LINE } }, axisLabel: { ...text, ...more },
  });
  const value = (format, more = {}) => ({
    type: "value", splitLine: { lineStyle: { color: LINE } }, axisLabel: { ...text, formatter: format, hideOverlap: true }, splitNumber: 4, ...more,
  });
  const tip = (format) => ({
    trigger: "axis", axisPointer: { type: "shadow", shadowStyle: { color: "rgba(47,85,212,.06)" } }, valueFormatter: format, confine: true,
    borderColor: LINE, textStyle: { ...text, color: INK, fontSize: 13 },
  });
  const legend = { top: 0, left: 0, itemWidth: 12, itemHeight: 12, icon: "roundRect", textStyle: text };
  // Chinese may break anywhere but inside a number or before a comma; other text between words.
  const wrap = (label, letters) => {
    const words = label.match(/(?:[\w.%+:"'-]+|[^\s])[,,。、”)]*\s*|\s+/gu) ?? [label];
    const lines = [""];
    for (const word of words) {
      if (lines.at(-1) && (lines.at(-1) + word).trimEnd().length > letters) lines.push("");
      lines[lines.length - 1] += word;
    }
    const shown = lines.slice(0, 3).map((line) => line.trim());
    return shown.join("\n") + (lines.length > 3 ? "…" : "");
  };

  const charts = {
    moments: (box) => {
      const days = category(data.moments.map((each) => each.value), { formatter: (day) => day.slice(narrow(box) ? 5 : 2, narrow(box) ? 7 : 10) });
      const line = (name, key, color) => ({ name, type: "line", data: data.moments.map((each) => each.effect[key]), symbolSize: 6, lineStyle: { width: 2.5 }, itemStyle: { color } });
      return {
        legend: { ...legend, data: [say("A 总额度", "exposure A"), say("B 总额度", "exposure B")] }, tooltip: tip(yuan), axisPointer: { link: [{ xAxisIndex: "all" }] },
        title: { text: say("净变化", "net change"), left: 0, top: "64%", textStyle: { ...text, fontWeight: "normal" } },
        grid: [{ left: 4, right: 8, top: 34, height: "50%", containLabel: true }, { left: 4, right: 8, top: "70%", bottom: 4, containLabel: true }],
        xAxis: [{ ...days, axisLabel: { show: false } }, { ...days, gridIndex: 1, axisLine: { onZero: false, lineStyle: { color: LINE } } }],
        yAxis: [value(short, { axisLabel: { ...text, formatter: short, width: 52 } }), value(short, { gridIndex: 1, splitNumber: 2, axisLabel: { ...text, formatter: short, width: 52 } })],
        series: [
          line(say("A 总额度", "exposure A"), "exposure_a", A),
          line(say("B 总额度", "exposure B"), "exposure_b", B),
          { name: say("净变化", "net"), type: "bar", xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 30, itemStyle: { color: UP },
            data: data.moments.map((each) => ({ value: each.effect.net, itemStyle: { color: each.effect.net < 0 ? DOWN : UP, borderRadius: 3 } })) },
        ],
      };
    },
    distribution: (box) => {
      const falls = data.distribution.filter((band) => band.band.startsWith("down")).reverse();
      const by = Object.fromEntries(data.distribution.map((band) => [band.band, band]));
      const rises = data.distribution.filter((band) => band.band.startsWith("up"));
      const bands = [by.closed, ...falls, by.still_zero, by.same, ...rises, by.opened];
      const shade = (band) => (band.band === "closed" || band.band.startsWith("down") ? DOWN : band.band === "opened" || band.band.startsWith("up") ? UP : A);
      return {
        tooltip: tip(count), grid: { left: 4, right: 4, top: 24, bottom: 4, containLabel: true },
        xAxis: category(bands.map((band) => say(band.zh, band.en)), { interval: 0, rotate: narrow(box) ? 62 : 38, fontSize: narrow(box) ? 10 : 12 }),
        yAxis: value((rows) => (rows >= 1e6 ? `${rows / 1e6}M` : rows >= 1e3 ? `${rows / 1e3}k` : rows)),
        series: [{ name: say("快照", "snapshots"), type: "bar", barMaxWidth: 44, data: bands.map((band) => ({
          value: band.rows, itemStyle: { color: shade(band), borderRadius: [4, 4, 0, 0] } })) }],
      };
    },
    segment: (box) => {
      const parts = data.segments[box.dataset.segment];
      box.style.height = `${Math.max(150, 70 + parts.length * 27)}px`;
      return {
        legend, tooltip: tip(yuan), grid: { left: 4, right: 14, top: 34, bottom: 4, containLabel: true },
        xAxis: value((fen) => short(Math.abs(fen))),
        yAxis: { ...category(parts.map((part) => (part.value === "others" ? say("其余", "others") : part.value))), inverse: true },
        series: [
          { name: say("上调", "raised"), type: "bar", stack: "money", barMaxWidth: 15, data: parts.map((part) => part.effect.raised), itemStyle: { color: UP, borderRadius: 3 } },
          { name: say("下调", "lowered"), type: "bar", stack: "money", data: parts.map((part) => -part.effect.lowered), itemStyle: { color: DOWN, borderRadius: 3 } },
        ],
      };
    },
    rules: (box) => {
      const rules = data.rules.filter((rule) => rule.a || rule.b);
      box.style.height = `${60 + rules.length * 34}px`;
      return {
        legend, tooltip: tip(count), grid: { left: 4, right: 20, top: 34, bottom: 4, containLabel: true },
        xAxis: value((rows) => (rows >= 1e6 ? `${rows / 1e6}M` : rows >= 1e3 ? `${rows / 1e3}k` : rows)),
        yAxis: { ...category(rules.map((rule) => rule.code)), inverse: true },
        series: [["A", A, "a"], ["B", B, "b"]].map(([name, color, key]) => ({
          name, type: "bar", barMaxWidth: 10, barGap: "15%", data: rules.map((rule) => rule[key] ?? 0), itemStyle: { color, borderRadius: 3 } })),
      };
    },
    waterfall: (box) => {
      const steps = [...data.waterfall, null];
      const letters = english() ? (narrow(box) ? 17 : 38) : narrow(box) ? 9 : 24;
      box.style.height = `${60 + steps.length * 52}px`;
      let before = 0;
      const bars = steps.map((step) => {
        if (step === null) return { start: 0, size: data.total, shown: short(data.total), color: B };
        const bar = { start: Math.min(before, step.running), size: Math.abs(step.amount), shown: (step.amount > 0 ? "+" : "") + short(step.amount), color: step.amount < 0 ? DOWN : UP };
        if (step.effect === "base") Object.assign(bar, { color: A, shown: short(step.amount) });
        before = step.running;
        return bar;
      });
      return {
        tooltip: { ...tip(yuan), formatter: (found) => {
          const nth = found[0].dataIndex;
          const step = steps[nth];
          return step === null ? `${say("总额度", "total")}<br><b>${yuan(data.total)}</b>` : `${echarts.format.encodeHTML(say(step.label_zh, step.label_en))}<br><b>${yuan(step.amount)}</b> → ${yuan(step.running)}`;
        } },
        grid: { left: 4, right: narrow(box) ? 56 : 84, top: 10, bottom: 4, containLabel: true },
        xAxis: value(short, { min: 0 }),
        yAxis: { ...category(steps.map((step) => wrap(step === null ? say("总额度", "total") : say(step.label_zh, step.label_en), letters)), { color: INK, lineHeight: 15, interval: 0 }), inverse: true },
        series: [
          { type: "bar", stack: "bar", silent: true, itemStyle: { color: "transparent" }, data: bars.map((bar) => bar.start) },
          { type: "bar", stack: "bar", barWidth: 24, data: bars.map((bar) => ({
            value: bar.size, itemStyle: { color: bar.color, borderRadius: 4 },
            label: { show: true, position: "right", formatter: bar.shown, fontFamily: FONT, fontWeight: 600, color: bar.color === A ? INK : bar.color } })) },
        ],
      };
    },
    advice: (box) => {
      const letters = english() ? (narrow(box) ? 17 : 38) : narrow(box) ? 9 : 24;
      box.style.height = `${50 + data.advice.length * 46}px`;
      return {
        tooltip: tip(yuan), grid: { left: 4, right: narrow(box) ? 56 : 84, top: 6, bottom: 4, containLabel: true }, xAxis: value(short),
        yAxis: { ...category(data.advice.map((each) => wrap(say(each.message_zh, each.message_en), letters)), { color: INK, lineHeight: 15, interval: 0 }), inverse: true },
        series: [{ name: say("可增加", "it adds"), type: "bar", barWidth: 18, itemStyle: { color: UP, borderRadius: 4 }, data: data.advice.map((each) => each.gain),
          label: { show: true, position: "right", formatter: (bar) => `+${short(bar.value)}`, fontFamily: FONT, fontWeight: 600, color: UP } }],
      };
    },
  };

  const boxes = [...document.querySelectorAll(".chart")];
  const drawn = new Map();
  const draw = () => {
    document.documentElement.lang = english() ? "en" : "zh-CN";
    for (const box of boxes) {
      const option = charts[box.dataset.chart](box);
      const chart = drawn.get(box) ?? echarts.init(box, null, { renderer: "svg" });
      drawn.set(box, chart);
      chart.resize();
      chart.setOption({ animation: false, textStyle: { fontFamily: FONT }, ...option }, true);
    }
  };
  draw();
  for (const id of ["zh", "en"]) document.getElementById(id).addEventListener("change", draw);
  let width = document.body.clientWidth;
  new ResizeObserver(() => {
    if (document.body.clientWidth !== width) {
      width = document.body.clientWidth;
      draw();
    }
  }).observe(document.body);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    draw();
  });
})();
