"""What every part works with: the binary, the folder, the sizes."""
import dataclasses
import pathlib


@dataclasses.dataclass
class Bench:
    drip: pathlib.Path
    folder: pathlib.Path
    scale: float

    def size(self, full, least=10):
        """Returns a full size as this pass has it, a round number."""
        return max(least, round(full * self.scale / least) * least)

    def sizes(self, *fulls, least=10):
        """Returns the sizes at which growth is shown; each is another one, however small the scale."""
        return sorted({self.size(full, least) for full in fulls})
