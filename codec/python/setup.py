"""What pyproject.toml cannot say: the version is the library's, and a wheel with the library in it is
for one kind of machine, though for any Python."""
import pathlib
import re

from setuptools import setup
from setuptools.dist import Distribution
from wheel.bdist_wheel import bdist_wheel

HERE = pathlib.Path(__file__).parent
HAS_LIBRARY = any((HERE / 'lic').glob('liblic.so*'))
HEADER = next(path for path in (HERE / 'lic.h', HERE.parent / 'lic.h') if path.exists())


class LicDistribution(Distribution):
    def has_ext_modules(self):
        return HAS_LIBRARY


class LicWheel(bdist_wheel):
    def get_tag(self):
        return 'py3', 'none', super().get_tag()[2]


setup(version=re.search(r'LIC_VERSION +"(.*)"', HEADER.read_text()).group(1),
      distclass=LicDistribution, cmdclass={'bdist_wheel': LicWheel})
