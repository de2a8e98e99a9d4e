"""`python -m ragctl.iam`: write docs/iam.md, the table of what each role may do."""

from pathlib import Path

from ragctl.checks.translated import PARAMETERS
from ragctl.iam.roles import grants
from ragctl.iam.table import table
from ragctl.local.translation import translate

if __name__ == "__main__":
    Path("docs/iam.md").write_text(table(grants(translate(Path("template.yaml"), PARAMETERS).template)))
