"""How good retrieval and answers are: judged queries ranked as production ranks them, compared, plotted, calibrated."""
